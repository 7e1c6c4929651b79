"""Rows of the bench about the report: a fleet of any size by way of parts, the second report in its folder.

Each row is a process of its own, whose peak memory the operating system counts. The fleet is an invented one.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

SIZES = (1_000, 10_000, 50_000)
PART = 1_000
"""Hosts of one part."""
MEMORY_MB = 1_000
MEMORY_PROMISE = f"peak memory of a report <= {MEMORY_MB} MB"


def case_of(hosts: int) -> str:
    """The name of the row."""
    return f"report of {hosts} hosts"


def measure(hosts: int) -> dict[str, Any]:
    """`{case, hosts, wall_s, peak_mb, html_mb, json_mb, csv_mb}` of the second report of so many hosts."""
    with tempfile.TemporaryDirectory(prefix="winops-report-") as folder:
        for step in ("parts", "first", "second"):
            done = subprocess.run(
                [sys.executable, __file__, step, str(hosts), folder],
                check=True,
                stdout=subprocess.PIPE,
                text=True,
            )
        row: dict[str, Any] = json.loads(done.stdout)
        for ending in ("html", "json", "csv"):
            size = sum(path.stat().st_size for path in Path(folder, "report").glob(f"*.{ending}"))
            row[f"{ending}_mb"] = round(size / 1e6, 1)
    return {"case": case_of(hosts), "hosts": hosts, **row}


def _step(step: str, hosts: int, folder: Path) -> dict[str, Any]:
    """One process: write the parts, or make a report of them."""
    tests = Path(__file__).resolve().parents[1]
    sys.path[:0] = [str(tests), str(tests / "tools")]
    from checkout import COLLECTIONS, link_collection

    link_collection()
    sys.path.insert(0, str(COLLECTIONS))
    from ansible_collections.winops.smb_guest.plugins.action.posture_report import ActionModule
    from ansible_collections.winops.smb_guest.tests.report.invented_fleet import results

    def report(**options: Any) -> None:
        action = ActionModule.__new__(ActionModule)
        action._task = SimpleNamespace(check_mode=False)
        defaults = {name: row.get("default") for name, row in ActionModule.ARGUMENT_SPEC.items()}
        action.act(defaults | options)

    if step == "parts":
        for number, start in enumerate(range(0, hosts, PART)):
            size = min(PART, hosts - start)
            part = {f"{number:03d}-{name}": result for name, result in results(size, seed=number)}
            report(hosts=part, dest=str(folder / "parts"), formats=["part"])
        return {}
    started = time.monotonic()
    report(merge=[str(folder / "parts")], dest=str(folder / "report"))
    wall = time.monotonic() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"wall_s": round(wall, 1), "peak_mb": round(peak)}


if __name__ == "__main__":
    print(json.dumps(_step(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))))
