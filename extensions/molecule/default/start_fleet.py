"""Start the simulated hosts of FOLDER/fleet.yml in the background, and return when they listen.

They end with `molecule destroy`; started by `molecule test`, also when that process is gone, however it ended. A keeper
stays with them and makes molecule forget that they were created. FOLDER then holds ready.json, log.txt and fleet.pid.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

TESTS = Path(__file__).resolve().parents[3] / "tests"
START_SECONDS = 90


def molecule_test() -> int | None:
    """The process id of the `molecule test` that this runs below, if it does."""
    pid = os.getppid()
    while pid > 1:
        process = Path("/proc", str(pid))
        words = process.joinpath("cmdline").read_text(errors="replace").split("\0")
        if "test" in words and any(Path(word).name == "molecule" for word in words[:3]):
            return pid
        pid = int(process.joinpath("stat").read_text().rpartition(")")[2].split()[1])
    return None


def keep(folder: Path, parent: list[str]) -> None:
    """Run the hosts to their end."""
    pid_file = folder / "fleet.pid"
    pid_file.write_text(str(os.getpid()))
    files = ["--fleet", str(folder / "fleet.yml"), "--ready-file", str(folder / "ready.json")]
    environ = {**os.environ, "PYTHONPATH": str(TESTS)}
    try:
        subprocess.run([sys.executable, "-m", "simulated_windows", *files, *parent], env=environ, check=False)  # noqa: S603  (our own command)
    finally:
        (folder.parent / "state.yml").unlink(missing_ok=True)
        pid_file.unlink(missing_ok=True)


def start(folder: Path) -> None:
    """Start the keeper and wait for the hosts."""
    sys.path.insert(0, str(TESTS / "tools"))
    from checkout import link_collection

    link_collection()
    ready = folder / "ready.json"
    ready.unlink(missing_ok=True)
    parent = molecule_test()
    words = [sys.executable, __file__, "--keep", str(folder), *(["--parent-pid", str(parent)] if parent else [])]
    log_path = folder / "log.txt"
    with log_path.open("wb") as log:
        keeper = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)  # noqa: S603  (our own command)
    deadline = time.monotonic() + START_SECONDS
    while not ready.exists():
        if keeper.poll() is not None or time.monotonic() > deadline:
            sys.exit(f"The simulated hosts did not start: {log_path.read_text(errors='replace')}")
        time.sleep(0.05)


if __name__ == "__main__":
    if sys.argv[1] == "--keep":
        keep(Path(sys.argv[2]), sys.argv[3:])
    else:
        start(Path(sys.argv[1]))
