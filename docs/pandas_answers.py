"""Answers the `python` blocks of pandas.md by pandas and holds the page's results against them.

    python docs/pandas_answers.py docs/pandas.md [--write]

The `csv NAME` blocks of the page are the tables, a `python` block is an idiom, and the next plain
`csv` block its result. With `--write` the results are written into the page. The lines for
Gristmill are run by a test of the repository, which expects the same results.
"""

import os
import pathlib
import re
import sys
import tempfile

import numpy as np
import pandas as pd

FENCE = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```$", re.M | re.S)


def answer(code: str, names: dict) -> str:
    """What the last expression of `code` gives, as CSV; an index with a name is a column."""
    *before, last = code.strip().split("\n\n")
    scope = dict(names)
    for part in before:
        exec(part, scope)
    value = eval(f"(\n{last}\n)", scope)
    if isinstance(value, pd.Series):
        value = value.to_frame()
    named = any(name is not None for name in value.index.names)
    return value.reset_index(drop=not named).to_csv(index=False)


def main() -> None:
    page = pathlib.Path(sys.argv[1])
    text = page.read_text()
    folder = pathlib.Path(tempfile.mkdtemp())
    names = {"pd": pd, "np": np}
    code, wrong = None, 0

    def block(match: re.Match) -> str:
        nonlocal code, wrong
        language, name, body = match[1], match[2].strip(), match[3]
        if language == "csv" and name:
            (folder / name).write_text(body)
            if not re.search(r"\d|messy", name):
                times = [c for c in body.split("\n")[0].split(",") if c in ("placed", "joined")]
                names[name.removesuffix(".csv")] = pd.read_csv(folder / name, parse_dates=times)
        elif language == "python":
            code = body
        elif language == "csv" and code:
            expected, code = answer(code, names), None
            if expected != body:
                wrong += 1
                print(f"expected:\n{expected}found:\n{body}")
            return f"```csv\n{expected}```"
        return match[0]

    os.chdir(folder)
    answered = FENCE.sub(block, text)
    if "--write" in sys.argv:
        pathlib.Path(sys.argv[1] if page.is_absolute() else HERE / page).write_text(answered)
    print(f"pandas {pd.__version__}: {wrong} results differ")
    sys.exit(wrong > 0 and "--write" not in sys.argv)


HERE = pathlib.Path.cwd()
main()
