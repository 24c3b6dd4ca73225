"""A python that has the peers of a bench, at fixed versions."""
import os
import subprocess
import sys
from pathlib import Path


def python_with(pinned, cache, variable):
    """The one that the environment variable names, or one that is made in `cache` once."""
    if named := os.environ.get(variable):
        return Path(named)
    python, done = cache / "bin/python", cache / "installed"
    if not done.exists() or done.read_text() != "\n".join(pinned):
        print(f"installing {', '.join(pinned)} into {cache}", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", "--clear", cache], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *pinned], check=True)
        done.write_text("\n".join(pinned))
    return python
