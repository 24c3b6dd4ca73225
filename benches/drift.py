"""`gristmill drift` beside Evidently, and on a file of 1,000,000 rows.

    cargo build --release --workspace --all-targets
    python3 benches/drift.py [--turns 3]

Both hold the same 50,000 rows of 20 columns against 50,000 others, by the stability index. Ours is the whole process,
once against the profile that the package keeps and once against the file that theirs reads too; theirs is timed from
`run` to its result, without Python's imports and reading. The long file has 1,000,000 rows of 100 columns in Parquet
and is compared without answers. Memory is the most that a side had at one time, by its proportional set size.
`windows` counts a billion values of 100 columns in memory. The peer is installed once, at fixed versions, into an
environment of its own under --cache; `GRISTMILL_DRIFT_PEER` may name a python that has it. Of several turns the best
counts, for each side.
"""
import argparse
import json
import subprocess
import tempfile
from pathlib import Path

from beside.environment import python_with
from selection import BINARY, TARGET, best, watched

BENCHES = Path(__file__).resolve().parent
PEER = BENCHES / "beside/drift_peer.py"
PINNED = ["evidently==0.7.23", "pandas==2.3.3", "pyarrow==26.0.1"]
WINDOWS = TARGET / "release/examples/window_bench"


def pipeline(data):
    return {"name": "moved", "data": {"source": str(data), "target": "y", "split": {"test": 0.2}},
            "features": [{"one_hot": {"columns": "categorical"}}],
            "model": {"logistic_regression": {"c": 1.0}},
            "evaluate": {"explain": {"rows": 0}}, "register": {"model": "moved"}}


def trained(folder, data):
    """A home with a model that learned from `data`."""
    file = folder / f"{data.stem}.yaml"
    file.write_text(json.dumps(pipeline(data)))
    home = folder / f"home-{data.stem}"
    subprocess.run([BINARY, "--home", home, "--quiet", "run", file], check=True, stdout=subprocess.DEVNULL)
    return home


def ours(home, rows, *more):
    command = [BINARY, "--home", home, "--quiet", "--json", "drift", "moved", "--input", rows, "--without-answers"]
    found, seconds, memory = watched([*command, *more])
    return {"seconds": seconds, "memory": memory, "share": found["share"]}


def theirs(python, reference, rows):
    found, _, memory = watched([python, PEER, "compare", reference, rows])
    return {"seconds": found["seconds"], "memory": memory, "share": found["share"]}


def line(name, side):
    return f"{name} {side['seconds']:.3f} s, {side['memory'] / 1e6:.0f} MB, {side['share']:.0%} moved"


def main():
    told = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    told.add_argument("--turns", type=int, default=3)
    told.add_argument("--cache", type=Path, default=TARGET)
    given = told.parse_args()
    python = python_with(PINNED, given.cache / "drift-peer", "GRISTMILL_DRIFT_PEER")
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        files = {name: folder / f"{name}.parquet" for name in ["before", "now", "learned", "long"]}
        for (name, path), shape in zip(files.items(), [(50_000, 20, 0), (50_000, 20, 1), (20_000, 100, 0),
                                                       (1_000_000, 100, 1)]):
            subprocess.run([python, PEER, "make", path, *map(str, shape)], check=True)
        home, wide = trained(folder, files["before"]), trained(folder, files["learned"])
        turns = range(given.turns)
        profile = best([ours(home, files["now"]) for _ in turns])
        file = best([ours(home, files["now"], "--reference", files["before"]) for _ in turns])
        peer = best([theirs(python, files["before"], files["now"]) for _ in turns])
        long = best([ours(wide, files["long"]) for _ in turns])
    print(line("50,000 x 20 against the profile:", profile))
    print(line("50,000 x 20 against the file:", file))
    print(line("50,000 x 20, Evidently:", peer), f"({peer['seconds'] / profile['seconds']:.0f}x the profile, "
          f"{peer['seconds'] / file['seconds']:.0f}x the file)")
    print(line("1,000,000 x 100 against the profile:", long))
    print(subprocess.run([WINDOWS], check=True, stdout=subprocess.PIPE, text=True).stdout.strip())


if __name__ == "__main__":
    main()
