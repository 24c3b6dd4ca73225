"""Answers rows by an ONNX model: MODEL ROWS. Prints the answers as JSON."""

import json
import math
import sys

try:
    import numpy
    import onnxruntime
except ImportError as error:
    sys.exit(f"{error}; install it with `pip install onnxruntime`")


def tensor(kind, values):
    if kind == "numbers":
        values = [math.nan if value is None else value for value in values]
    element = {"numbers": numpy.float64, "integers": numpy.int64, "words": object}[kind]
    return numpy.array(values, dtype=element).reshape(-1, 1)


def plain(value):
    return None if isinstance(value, float) and not math.isfinite(value) else value


def rows_of(parts):
    return [[plain(value) for value in row] for part in parts for row in part.tolist()]


def main(model, rows):
    with open(rows, encoding="utf-8") as file:
        asked = json.load(file)
    feed = {name: tensor(*next(iter(column.items()))) for name, column in asked.items()}
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    # A row alone, and all others together: a model must not care how many there are.
    parts = [{n: c[:1] for n, c in feed.items()}, {n: c[1:] for n, c in feed.items()}]
    parts = [part for part in parts if all(len(column) for column in part.values())]
    answers = zip(*(session.run(names, part) for part in parts))
    table = {n: rows_of(parts) for n, parts in zip(names, answers)}
    runtime = f"onnxruntime {onnxruntime.__version__}"
    print(json.dumps({"runtime": runtime, "answers": table}, allow_nan=False))


if __name__ == "__main__":
    main(*sys.argv[1:])
