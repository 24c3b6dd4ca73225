"""Runs a whole process of ours and of a peer, and prints seconds, peak memory and the ratio."""
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILT = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release"
GRISTMILL = BUILT / "gristmill"
PIPELINE = ROOT / "examples/churn/pipeline.yaml"


def measure(command):
    """Seconds on the clock, peak memory in MB and standard output of one process."""
    with tempfile.TemporaryFile() as output:
        start = time.perf_counter()
        process = subprocess.Popen([str(c) for c in command], stdout=output, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        output.seek(0)
        text = output.read().decode()
    if status != 0:
        sys.exit(f"{command[0]} failed with status {status}\n{text}")
    return seconds, usage.ru_maxrss / 1024, text


def show(name, seconds, megabytes, note=""):
    print(f"{name:<28}{seconds:>9.3f} s{megabytes:>9.0f} MB   {note}")


def classic(folder):
    path = folder / "rows.csv"
    # In a process of its own: the peak memory of a child counts that of the process that starts it.
    subprocess.run([sys.executable, ROOT / "benches/classic/make_rows.py", path], check=True)
    print(f"{path.stat().st_size / 1e6:.0f} MB of CSV, {os.cpu_count()} cores")
    best = {}
    for name, command in {
        "pandas and scikit-learn": [sys.executable, ROOT / "benches/classic/peer.py", path],
        "gristmill": [BUILT / "examples/classic", path, "label"],
    }.items():
        runs = [measure(command) for _ in range(1 if name != "gristmill" else 3)]
        best[name] = min(runs)
        show(name, *best[name][:2], best[name][2].strip().splitlines()[-1])
    ratio = best["pandas and scikit-learn"][0] / best["gristmill"][0]
    print(f"{'ratio':<28}{ratio:>9.1f} x")


def churn(folder):
    for name in ["pipeline.yaml", "forest.yaml"]:
        file = PIPELINE.parent / name
        command = [GRISTMILL, "--home", folder / name, "--quiet", "run", file, "--json"]
        cold = measure(command)
        warm = min(measure(command) for _ in range(5))
        found = json.loads(cold[2])["metrics"]
        note = f"cv roc_auc {found['cv']['roc_auc']['mean']:.4f}, test accuracy {found['test']['accuracy']:.4f}"
        show(f"{name}, cold", *cold[:2], note)
        show(f"{name}, nothing changed", *warm[:2])


def same_bytes(folder):
    seen = set()
    for threads in [1, 2, 3]:
        home = folder / str(threads)
        found = measure([GRISTMILL, "--home", home, "--threads", threads, "--quiet", "run",
                         PIPELINE.parent / "forest.yaml", "--json"])
        package = Path(json.loads(found[2])["model"]["path"])
        digest = hashlib.sha256()
        for file in sorted(p for p in package.rglob("*") if p.is_file()):
            digest.update(file.relative_to(package).as_posix().encode())
            digest.update(file.read_bytes())
        seen.add(digest.hexdigest())
        show(f"{threads} threads", *found[:2], digest.hexdigest()[:16])
    print("equal bytes" if len(seen) == 1 else "THE BYTES DIFFER")


if __name__ == "__main__":
    benches = {"classic": classic, "churn": churn, "same-bytes": same_bytes}
    chosen = sys.argv[1:] or list(benches)
    for name in chosen:
        if name not in benches:
            sys.exit(f"no bench `{name}`; known are {', '.join(benches)}")
        print(f"\n== {name}")
        with tempfile.TemporaryDirectory() as folder:
            benches[name](Path(folder))
