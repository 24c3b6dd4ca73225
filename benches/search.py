"""What searches find and cost, beside Optuna: Branin's and Hartmann's functions.

    cargo build --release --workspace --all-targets
    python3 benches/search.py

Optuna is installed once, at a fixed version, into an environment of its own under --cache;
`GRISTMILL_SEARCH_PEER` may name a python that has it. Neither side keeps anything here; selection.py
measures durable trials.
"""
import argparse
import json
import os
import subprocess
from pathlib import Path

from beside.environment import python_with

BENCHES = Path(__file__).resolve().parent
ROOT = BENCHES.parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
OURS = TARGET / "release/examples/search_bench"
PINNED = ["optuna==5.0.0"]


def said(command):
    told = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return json.loads(told.stdout)


def main():
    told = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    told.add_argument("--seeds", type=int, default=20)
    told.add_argument("--cache", type=Path, default=ROOT / "target/search-peer")
    given = told.parse_args()
    python = python_with(PINNED, given.cache, "GRISTMILL_SEARCH_PEER")
    for name in ["branin", "hartmann"]:
        ours = said([OURS, name, "100", str(given.seeds)])["found"]
        peer = said([python, BENCHES / "beside/search_peer.py", name, "100", str(given.seeds)])
        print(f"{name}, least of 100 trials, median of {given.seeds}: "
              f"tpe {ours['tpe']['median']:.4f}, random {ours['random']['median']:.4f}, "
              f"Optuna {peer['median']:.4f}")
        times = peer["seconds_a_trial"] / ours["tpe"]["seconds_a_trial"]
        print(f"{name}, a trial of 100: {ours['tpe']['seconds_a_trial'] * 1e3:.2f} ms, "
              f"Optuna in memory {peer['seconds_a_trial'] * 1e3:.2f} ms, {times:.0f}x")
    ours = said([OURS, "hartmann", "1000", "1"])["found"]["tpe"]["seconds_a_trial"]
    print(f"1,000 trials of six parameters: {ours * 1e3:.2f} s")


if __name__ == "__main__":
    main()
