"""One turn of each side: learn from the rows outside a fold, answer those in it."""
import json
import os
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import sparse

from .rows import ROOT

BENCH = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release/examples/step_bench"
ASKED = 20


def write(folder, rows):
    """The rows as `crates/features/examples/step_bench.rs` reads them."""
    columns, described = [], []
    if sparse.issparse(rows.columns):
        values = rows.columns.tocsc()
        values.sort_indices()
        for at, (start, end) in enumerate(zip(values.indptr, values.indptr[1:])):
            described.append({"kind": "sparse", "name": f"x{at}", "count": int(end - start)})
            columns += [values.indices[start:end].astype("<u4"), values.data[start:end].astype("<f8")]
    else:
        for name, column in rows.columns.items():
            if column.dtype.kind == "f":
                described.append({"kind": "number", "name": name})
                columns.append(column.to_numpy(dtype="<f8"))
                continue
            kind = "word" if column.dtype.name == "category" else "text"
            held = column.astype("category").cat
            described.append({"kind": kind, "name": name, "words": [str(word) for word in held.categories]})
            columns.append(held.codes.to_numpy().astype("<i4"))
    target = "absent" if rows.target is None else "classes" if rows.classes else "numbers"
    head = {"rows": rows.count, "target": target, "columns": described}
    (folder / "head").write_text(json.dumps(head))
    with open(folder / "columns", "wb") as file:
        for column in columns:
            file.write(column.tobytes())
    rows.folds.astype("<u4").tofile(folder / "folds")
    if rows.target is not None:
        rows.target.astype("<f8").tofile(folder / "target")


def ours(folder, rows, steps, model, folds):
    """What each fold took, and what it answered: a table of numbers."""
    job = json.dumps({"steps": steps, "model": model, "folds": folds})
    if not BENCH.exists():
        sys.exit(f"{BENCH} is missing: cargo build --release --workspace --examples")
    told = subprocess.run([BENCH, folder, job], capture_output=True, text=True)
    if told.returncode != 0:
        sys.exit(f"step_bench failed on {job}\n{told.stderr}")
    answers = np.fromfile(folder / "answers", dtype="<f8")
    found, at = [], 0
    sizes = [int((rows.folds == fold).sum()) for fold in folds]
    width = len(answers) // sum(sizes)
    for line, size in zip(told.stdout.splitlines(), sizes):
        taken = answers[at : at + size * width]
        at += size * width
        found.append((json.loads(line), taken.reshape(width, size).T))
    return found


def theirs(rows, make, fold, as_codes=False):
    """The same of the peer's object."""
    seen = rows.codes() if as_codes else rows.for_peer()
    test = rows.folds == fold
    pick = lambda kept: seen.loc[kept] if isinstance(seen, pd.DataFrame) else seen[kept]
    train, asked = pick(~test), pick(test)
    known = None if rows.target is None else rows.target[~test]
    peer = make()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        start = time.perf_counter()
        learn(peer, train, known)
        fit = time.perf_counter() - start
        start = time.perf_counter()
        answered = answer(peer, asked)
        predict = time.perf_counter() - start
        one = asked[:1]
        start = time.perf_counter()
        for _ in range(ASKED):
            answer(peer, one)
        row = (time.perf_counter() - start) / ASKED * 1e6
    return {"fit": fit, "predict": predict, "row": row, "rows": int(test.sum())}, as_table(peer, answered, rows)


def learn(peer, train, known):
    if hasattr(peer, "fit_transform") and not hasattr(peer, "predict"):
        peer.fit_transform(train, known)
    else:
        peer.fit(train, known)


def answer(peer, asked):
    """Probabilities where it has them, else what it predicts, else the rows transformed."""
    for act in ("predict_proba", "predict", "transform"):
        if hasattr(peer, act):
            return getattr(peer, act)(asked)
    return peer.labels_


def as_table(peer, answered, rows):
    """A column for each class of the target, as ours answers."""
    if sparse.issparse(answered):
        return answered
    answered = np.asarray(answered, dtype=float)
    if not rows.classes or not hasattr(peer, "classes_") or not hasattr(peer, "predict"):
        return answered.reshape(len(answered), -1)
    made = np.zeros((len(answered), int(rows.target.max()) + 1))
    if answered.ndim == 1:
        made[np.arange(len(answered)), answered.astype(int)] = 1.0
    else:
        made[:, peer.classes_] = answered
    return made
