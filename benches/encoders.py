"""Times transforms of gristmill-features beside scikit-learn and pandas, in turns, on shared data.

    cargo build --release -p gristmill-features --example text_bench
    python3 benches/encoders.py [CASE...]

Each run is a process of its own that reads its rows first and then measures learning with the
training rows transformed, transforming again, and one row alone. The runs take turns, the best of
each is printed; ratios say how many times faster gristmill is. Both use as many cores as they do by
themselves; `RAYON_NUM_THREADS=1` keeps gristmill to one.
"""
import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILT = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release"
ROUNDS = int(os.environ.get("ROUNDS", "3"))

# name: file, columns, transform, settings, how often the rows are repeated
CASES = {
    "tfidf": ("movie_snippets.csv", "text", "tfidf", {}, 1),
    "tfidf_pairs": ("movie_snippets.csv", "text", "tfidf", {"ngrams": [1, 2]}, 1),
    "char_wb": ("movie_snippets.csv", "text", "count_words",
                {"analyzer": "char_wb", "ngrams": [2, 4], "min_frequency": 5}, 1),
    "hash_text": ("movie_snippets.csv", "text", "hash_text", {"features": 4096}, 1),
    "target_encode": ("telco.csv", "contract,payment_method,internet_service", "target_encode", {}, 100),
    "one_hot": ("telco.csv", "contract,payment_method,internet_service", "one_hot", {}, 100),
    "ordinal": ("telco.csv", "contract,payment_method,internet_service", "ordinal", {}, 100),
    "rolling": ("cmapss_fd001_s11.csv", "unit,cycle,s_11", "rolling",
                {"columns": "s_11", "window": 30, "functions": ["mean", "std", "min", "max"],
                 "order": "cycle", "group": "unit"}, 20),
    "rolling_median": ("cmapss_fd001_s11.csv", "unit,cycle,s_11", "rolling",
                       {"columns": "s_11", "window": 30, "functions": ["median"],
                        "order": "cycle", "group": "unit"}, 20),
    "lag": ("cmapss_fd001_s11.csv", "unit,cycle,s_11", "lag",
            {"columns": "s_11", "lags": [1, 5, 30], "order": "cycle", "group": "unit"}, 20),
}


def run(command, case):
    file, columns, kind, settings, times = case
    arguments = [file, columns, kind, json.dumps(settings), str(times)]
    found = subprocess.run([str(c) for c in command] + arguments, check=True, capture_output=True, text=True)
    return json.loads(found.stdout)


def compare(name, case):
    ours, theirs = [], []
    for _ in range(ROUNDS):
        ours.append(run([BUILT / "examples/text_bench"], case))
        theirs.append(run([sys.executable, ROOT / "benches/peers/encoders.py"], case))
    columns = {run["columns"] for run in ours}
    print(f"{name} ({columns.pop()} columns)")
    for what, unit in [("fit", "s"), ("apply", "s"), ("row", "us")]:
        best = [min(run[what] for run in runs) for runs in (ours, theirs)]
        print(f"  {what:<6} gristmill {best[0]:>12.4f} {unit:<3} peer {best[1]:>12.4f} {unit:<3} {best[1] / best[0]:>8.1f} x")


if __name__ == "__main__":
    for name in sys.argv[1:] or CASES:
        if name not in CASES:
            sys.exit(f"no case `{name}`; known are {', '.join(CASES)}")
        compare(name, CASES[name])
