"""The command line: start a fleet, say when it is ready, run until told to stop or until the parent is gone."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml

from .control import ControlPort
from .fleet import FleetRunner
from .host_spec import FleetError, HostSpec, parse_fleet

PARENT_POLL_SECONDS = 0.5


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="simulated_windows", description=__doc__)
    parser.add_argument("--fleet", type=Path, required=True, metavar="FLEET.yml", help="which hosts to simulate")
    parser.add_argument("--ready-file", type=Path, required=True, metavar="READY.json", help="written when all listen")
    parser.add_argument("--inventory", type=Path, metavar="INVENTORY.yml", help="write an Ansible inventory, too")
    parser.add_argument("--parent-pid", type=int, help="stop when this process is gone")
    return parser.parse_args()


def _write_atomically(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.touch(mode=0o600)
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)


def _alive(pid: int) -> bool:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return False
    return fields[0] != "Z"


async def _watch_parent(pid: int, stopping: asyncio.Event) -> None:
    while _alive(pid):
        await asyncio.sleep(PARENT_POLL_SECONDS)
    stopping.set()


async def _run(arguments: argparse.Namespace, specs: list[HostSpec], folder: Path) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    fleet = FleetRunner(folder)
    control = ControlPort(fleet, stopping)
    watcher: asyncio.Task[None] | None = None
    if arguments.parent_pid is not None:
        watcher = asyncio.create_task(_watch_parent(arguments.parent_pid, stopping))
    try:
        for spec in specs:
            await fleet.add(spec)
        url = await control.start()
        if arguments.inventory is not None:
            _write_atomically(arguments.inventory, yaml.safe_dump(fleet.inventory(), sort_keys=False))
        ready: dict[str, Any] = {
            "pid": os.getpid(),
            "control_url": url,
            "hosts": {name: member.ready for name, member in fleet.members.items()},
        }
        _write_atomically(arguments.ready_file, json.dumps(ready, indent=2))
        await stopping.wait()
    finally:
        if watcher is not None:
            watcher.cancel()
        arguments.ready_file.unlink(missing_ok=True)
        await control.stop()
        await fleet.stop()


def main() -> int:
    arguments = _arguments()
    arguments.ready_file.unlink(missing_ok=True)
    try:
        specs = parse_fleet(yaml.safe_load(arguments.fleet.read_text(encoding="utf-8")))
    except (OSError, yaml.YAMLError, FleetError) as error:
        print(f"simulated_windows: {arguments.fleet}: {error}", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="simulated_windows-") as folder:
        try:
            asyncio.run(_run(arguments, specs, Path(folder)))
        except FleetError as error:
            print(f"simulated_windows: {error}", file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
