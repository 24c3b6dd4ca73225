"""Ours beside scikit-learn, LightGBM and XGBoost: what each costs and how good its answers are.

    cargo build --release --workspace --examples
    python3 benches/peers.py [SET...] [--only LINE...] [--turns 3] [--threads 2]   # seconds
    python3 benches/peers.py --quality [SET...] [--only LINE...]                   # 5-fold means

Sets for seconds are flights, generated (these two unless others are named), wide, dense, texts and
windows; for --quality all of telco, shuttle, ames, engines, traffic, flights and movies. The peers are
installed once, at fixed versions, into an environment of their own under --cache; `GRISTMILL_PEERS`
may name a python that has them already. Both sides learn from the same rows in memory, in turns, on
the same number of threads; reading and starting processes is timed on neither side.
"""
import argparse
import os
import sys
from pathlib import Path

from beside.environment import python_with

BENCHES = Path(__file__).resolve().parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", BENCHES.parent / "target"))
PINNED = ["scikit-learn==1.9.1", "lightgbm==4.7.0", "xgboost==3.2.0", "pandas==3.1.1", "pyarrow==26.0.1",
          "numpy==2.4.6", "scipy==1.17.1"]
INSIDE = "GRISTMILL_PEERS_INSIDE"


def restart(given):
    """Goes on in the python of the peers. Their threads are counted when they are imported."""
    python = python_with(PINNED, given.cache, "GRISTMILL_PEERS")
    threads = {name: str(given.threads) for name in
               ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS")}
    os.execve(python, [python, *sys.argv], {**os.environ, **threads, INSIDE: "yes"})


def main():
    told = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    told.add_argument("sets", nargs="*", metavar="SET")
    told.add_argument("--quality", action="store_true", help="compare 5-fold means instead of seconds")
    told.add_argument("--only", nargs="*", default=[], help="lines whose name begins so")
    told.add_argument("--turns", type=int, default=3, help="turns at most; the best counts")
    told.add_argument("--threads", type=int, default=os.cpu_count())
    told.add_argument("--cache", type=Path, default=TARGET / "peers", help="where the peers are installed")
    if INSIDE not in os.environ and not {"-h", "--help"} & set(sys.argv):
        restart(told.parse_args())
    given = told.parse_args()
    sys.path.insert(0, str(BENCHES))
    from beside import quality, speed

    table = quality if given.quality else speed
    unknown = set(given.sets) - set(table.SETS)
    if unknown:
        sys.exit(f"no set `{min(unknown)}`; known are {', '.join(table.SETS)}")
    table.show(given)


if __name__ == "__main__":
    main()
