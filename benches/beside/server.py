"""Servers of either side: started on a free port of this machine, waited for, and ended."""
import os
import socket
import subprocess
import time
from contextlib import contextmanager


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@contextmanager
def serving(command, folder, is_ready, environment=None, patience=180):
    """A server with its process and the seconds until it was ready; what it says is kept in the folder."""
    start = time.perf_counter()
    with open(folder / "said.txt", "w") as said:
        process = subprocess.Popen(command, cwd=folder, stdout=said, stderr=said, start_new_session=True,
                                   env={**os.environ, **(environment or {})})
    try:
        while not is_ready():
            if process.poll() is not None or time.perf_counter() - start > patience:
                raise SystemExit((folder / "said.txt").read_text()[-3000:])
            time.sleep(0.002)
        yield process.pid, time.perf_counter() - start
    finally:
        os.killpg(process.pid, 15)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            process.wait()
