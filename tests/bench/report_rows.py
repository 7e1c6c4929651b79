"""Rows of the bench about the report: a fleet of any size by way of parts, the second report in its folder.

Each row is a process of its own, whose peak memory the operating system counts. The fleet is an invented one. Then
Chromium opens the page from its file, where the machine has it. One row alone, with an environment of
tests/requirements/bench.txt: `python tests/bench/report_rows.py row 10000`.
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
CHROMIUM = Path("/usr/bin/chromium")
# What a reader does, each until the next frame is drawn. NAME is that of a host.
STEPS = {
    "sort_by_name": "document.querySelector('#host-table th:nth-child(1) button').click()",
    "sort_by_decider": "document.querySelector('#host-table th:nth-child(4) button').click()",
    "search": "const q = document.getElementById('q'); q.value = NAME; q.form.dispatchEvent(new Event('input'))",
    "filter": "location.hash = '#hosts?f=state%3Aallowed'",
    "open_host": "location.hash = `#host=${NAME}`",
}
TIMED = """async (name) => {
  const NAME = name;
  const detail = document.getElementById("detail-body");
  const start = performance.now();
  STEP;
  do await new Promise((drawn) => requestAnimationFrame(() => setTimeout(drawn)));
  while (detail.textContent.includes("Loading ...") || (location.hash.startsWith("#host=") && !detail.textContent));
  return performance.now() - start;
}"""
MEMORY_MB = 1_000
MEMORY_PROMISE = f"peak memory of a report <= {MEMORY_MB} MB"


def case_of(hosts: int) -> str:
    """The name of the row."""
    return f"report of {hosts} hosts"


def measure(hosts: int) -> dict[str, Any]:
    """`{case, hosts, wall_s, peak_mb, html_mb, hosts_mb, json_mb, csv_mb, browser}` of the second report of a fleet.

    hosts_mb is the size of the host files beside the page; browser is None without a Chromium, see `_browse`.
    """
    with tempfile.TemporaryDirectory(prefix="winops-report-") as folder:
        for step in ("parts", "first", "second"):
            done = subprocess.run(
                [sys.executable, __file__, step, str(hosts), folder],
                check=True,
                stdout=subprocess.PIPE,
                text=True,
            )
        row: dict[str, Any] = json.loads(done.stdout)
        report = Path(folder, "report")
        for kind, pattern in {"html": "*.html", "hosts": "*/*.js", "json": "*.json", "csv": "*.csv"}.items():
            row[f"{kind}_mb"] = round(sum(path.stat().st_size for path in report.glob(pattern)) / 1e6, 1)
        row["browser"] = _browse(report / "report.html") if CHROMIUM.exists() else None
    return {"case": case_of(hosts), "hosts": hosts, **row}


def shown(row: dict[str, Any]) -> str:
    """The row as a line for the terminal."""
    browser = row["browser"]
    told = ", ".join(f"{name} {value}" for name, value in browser.items()) if browser else "not measured, no Chromium"
    return (
        f"{row['case']}: {row['wall_s']} s, {row['peak_mb']} MB of memory; HTML {row['html_mb']}, host files "
        f"{row['hosts_mb']}, JSON {row['json_mb']}, CSV {row['csv_mb']} MB\n    in a browser: {told}"
    )


def _browse(page: Path) -> dict[str, Any]:
    """`{load_s, nodes, heap_mb}` of a page that was just opened, and the seconds that each of STEPS took."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-gpu", "--enable-precise-memory-info"]
        )
        opened = chromium.new_page()
        started = time.monotonic()
        opened.goto(page.as_uri(), timeout=300_000)
        opened.evaluate(TIMED.replace("STEP;", ""), "")
        row: dict[str, Any] = {"load_s": round(time.monotonic() - started, 2)}
        row["nodes"] = opened.evaluate("document.querySelectorAll('*').length")
        row["heap_mb"] = opened.evaluate("Math.round(performance.memory.usedJSHeapSize / 1e6)")
        name = opened.locator("#host-table tbody th").nth(250).text_content()
        for step, script in STEPS.items():
            row[f"{step}_s"] = round(opened.evaluate(TIMED.replace("STEP", script), name) / 1000, 2)
        chromium.close()
    return row


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
    if sys.argv[1] == "row":
        print(shown(measure(int(sys.argv[2]))))
    else:
        print(json.dumps(_step(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))))
