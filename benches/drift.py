"""`gristmill drift` beside Evidently, on a file of 1,000,000 rows, and a billion values in windows.

    cargo build --release --workspace --examples --bins
    python3 benches/drift.py [--turns 3]

Both hold the same 50,000 rows of 20 columns against 50,000 others, by the stability index. Ours is the whole process,
once against the profile that the package keeps and once against the file that theirs reads too; theirs is timed from
`run` to its result, without Python's imports and reading. The long file has 1,000,000 rows of 100 columns in Parquet
and is compared without answers and with those of the model, on all cores and on one. Memory is the most that a side had
at one time, by its proportional set size. At last a server's windows count a billion values of 100 columns. The peer is
installed once, at fixed versions, into an environment of its own under --cache; `GRISTMILL_DRIFT_PEER` may name a python
that has it. Sides take turns, and of several turns the best counts, for each side.
"""
import argparse
import json
import os
import subprocess
import tempfile
from pathlib import Path

from beside.environment import python_with
from selection import BINARY, TARGET, best, watched

BENCHES = Path(__file__).resolve().parent
PEER = BENCHES / "beside/drift_peer.py"
PINNED = ["evidently==0.7.23", "pandas==2.3.3", "pyarrow==26.0.1"]
WINDOWS = TARGET / "release/examples/window_bench"
FILES = {"before": (50_000, 20, 0), "now": (50_000, 20, 1), "learned": (20_000, 100, 0),
         "long": (1_000_000, 100, 1)}


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


def ours(home, rows, *more, threads=None):
    command = [BINARY, "--home", home, "--quiet", "--json", "drift", "moved", "--input", rows, *more]
    if threads:
        command = ["env", f"RAYON_NUM_THREADS={threads}", *command]
    found, seconds, memory = watched(command)
    return {"seconds": seconds, "memory": memory, "share": found["share"], "found": found}


def theirs(python, reference, rows):
    found, _, memory = watched([python, PEER, "compare", reference, rows])
    return {"seconds": found["seconds"], "memory": memory, "share": found["share"]}


def measured(python, folder, turns):
    """The best turn of each line, in the order of the table."""
    files = {name: folder / f"{name}.parquet" for name in FILES}
    for name, shape in FILES.items():
        subprocess.run([python, PEER, "make", files[name], *map(str, shape)], check=True)
    home, wide = trained(folder, files["before"]), trained(folder, files["learned"])
    quick = "--without-answers"
    sides = {
        "Evidently": lambda: theirs(python, files["before"], files["now"]),
        "the profile": lambda: ours(home, files["now"], quick),
        "the file": lambda: ours(home, files["now"], quick, "--reference", files["before"]),
        "long": lambda: ours(wide, files["long"], quick),
        "long, one core": lambda: ours(wide, files["long"], quick, threads=1),
        "long, answers": lambda: ours(wide, files["long"]),
    }
    taken = {name: [] for name in sides}
    for _ in range(turns):
        for name, side in sides.items():
            taken[name].append(side())
    same = {json.dumps(turn["found"]) for name in ["long", "long, one core"] for turn in taken[name]}
    assert len(same) == 1, "the number of threads shows"
    return {name: best(turns) for name, turns in taken.items()}


def table(lines):
    """Cells in columns of equal width."""
    widths = [max(len(line[at]) for line in lines) for at in range(len(lines[0]))]
    for line in lines:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip())


def main():
    told = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    told.add_argument("--turns", type=int, default=3)
    told.add_argument("--cache", type=Path, default=TARGET)
    given = told.parse_args()
    python = python_with(PINNED, given.cache / "drift-peer", "GRISTMILL_DRIFT_PEER")
    with tempfile.TemporaryDirectory() as made:
        found = measured(python, Path(made), given.turns)
    peer = found["Evidently"]

    def line(what, name, goal=""):
        side = found[name]
        beside = what.startswith("50,000") and side is not peer
        ratio = f"{peer['seconds'] / side['seconds']:.0f}x" if beside else ""
        return [what, f"{side['seconds']:.3f} s", f"{side['memory'] / 1e6:.0f} MB", f"{side['share']:.0%}",
                ratio, goal]

    table([
        ["rows x columns", "seconds", "memory", "moved", "Evidently's seconds over it", "goal"],
        line("50,000 x 20, Evidently", "Evidently"),
        line("50,000 x 20 against the profile", "the profile", "50x"),
        line("50,000 x 20 against the file", "the file", "50x"),
        line("1,000,000 x 100 against the profile", "long", "2 s, 500 MB"),
        line("1,000,000 x 100 on one core", "long, one core"),
        line("1,000,000 x 100 with answers", "long, answers"),
    ])
    print(f"cores {os.cpu_count()}; load of the machine {os.getloadavg()[0]:.1f}; goal of windows 20 MB, constant")
    print(subprocess.run([WINDOWS], check=True, stdout=subprocess.PIPE, text=True).stdout.strip())


if __name__ == "__main__":
    main()
