"""Runs the cases, ours and the peer's one right after the other, counts on the host's side, and reports."""

from __future__ import annotations

import json
import os
import resource
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import report_rows
from cases import (
    BESIDE,
    BYTES_DIVISOR,
    CASES,
    CPU_HOSTS,
    CPU_RATIO,
    CPU_TASKS,
    DELAYED,
    MANY,
    MANY_FORKS,
    MANY_HOSTS,
    POWERSHELL_S,
    PRESET,
    ROUND_TRIPS_MS,
    Case,
    Count,
    Tasks,
)
from checkout import OUTPUT, clean_environ
from delay import delayed
from interrupts import interrupt_on_signals
from playbook_run import PlaybookRun, run_playbook

from simulated_windows.client import Fleet

COUNTED = {
    "requests": "requests",
    "requests_after_auth": "requests_after_auth",
    "bytes_sent": "bytes_received",  # what the controller sends is what the host receives
    "shells": "shells",
    "processes": "processes",
    "connections": "connections",  # each task that talks to the host opens its own
}
"""Our name to the control port's."""

Row = dict[str, Any]


class BenchFailed(Exception):
    """A run did not do what its case says; the message holds its output."""


def main() -> int:
    """The whole bench; returns the exit status."""
    if not (Path(sys.executable).parent / "ansible-playbook").is_file():
        print("This needs its own environment. Start it with: make bench", file=sys.stderr)
        return 2
    interrupt_on_signals()
    try:
        broken = _bench()
    except BenchFailed as failure:
        print(f"\nThe bench failed. {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted. Everything that the bench had started is stopped.", file=sys.stderr)
        return 130
    return 1 if broken else 0


def _bench() -> bool:
    """Measure and report; return whether a bound is broken."""
    rows: list[Row] = []
    broken: set[tuple[str, str]] = set()
    print(
        f"On one simulated host ({PRESET}), over NTLM with message encryption; ours / win_regedit tasks / one script\n"
    )
    _print_line(HEADINGS)
    with Fleet({"hosts": [{"name": "host", "preset": PRESET}]}) as fleet:
        for case in CASES:
            ours = _measure(fleet, case.name, case.ours, changed=case.changed, before=case.before)
            peer = _measure(fleet, f"{case.name}, the peer", case.peer) if case.peer else None
            script = _measure(fleet, f"{case.name}, one script", case.script) if case.script else None
            _report(case, ours, peer, script, rows, broken)
    counts = {row["case"]: row for row in rows}
    for bound in BESIDE:
        if counts[bound.case][bound.name] - counts[bound.base][bound.name] > bound.limit:
            broken.add((bound.case, bound.promise))
    with Fleet({"hosts": [{"name": "host", "preset": PRESET, "count": MANY_HOSTS}]}) as fleet:
        _report(MANY, _measure(fleet, MANY.name, MANY.ours, forks=MANY_FORKS), None, None, rows, broken)
    with Fleet({"hosts": [{"name": "host", "preset": PRESET, "count": CPU_HOSTS}]}) as fleet:
        role = _measure(fleet, "harden, CPU", CPU_TASKS["role"], before=CPU_TASKS["role"])
        empty = _measure(fleet, "empty tasks, CPU", CPU_TASKS["empty"])
    _delays(rows)
    cpu = role["cpu_s"] / empty["cpu_s"]
    rows.append({"case": CPU_CASE, "role": role, "empty": empty, "ratio": round(cpu, 2)})
    print(f"{CPU_CASE}: {role['cpu_s']:.1f} s / {empty['cpu_s']:.1f} s = {cpu:.2f}")
    if cpu > CPU_RATIO:
        broken.add((CPU_CASE, CPU_PROMISE))
    for size in report_rows.SIZES:
        row = report_rows.measure(size)
        rows.append(row)
        print(report_rows.shown(row))
        if row["peak_mb"] > report_rows.MEMORY_MB:
            broken.add((row["case"], report_rows.MEMORY_PROMISE))
    OUTPUT.mkdir(parents=True, exist_ok=True)
    (OUTPUT / "bench.json").write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
    print("\nThe simulated host answers a PowerShell module at once; a real one needs one to three seconds for each.")
    print("\nBounds:")
    for promise, cases in _promises().items():
        told = "BROKEN" if any((case, promise) in broken for case in cases) else "kept"
        everywhere = "every case" if len(cases) == len(CASES) + 1 else ", ".join(cases)
        print(f"  {told:6}  {promise:36}  {everywhere}")
    short = [row["case"] for row in rows if (row.get("ratios", {}).get("bytes_sent") or BYTES_DIVISOR) < BYTES_DIVISOR]
    if short:
        print(f"  Not held to 1/{BYTES_DIVISOR} of the bytes, and not reaching it:")
        print("\n".join(f"          {name}" for name in short))
    print(f"\nWritten: {os.path.relpath(OUTPUT / 'bench.json')}")
    return bool(broken)


def _delays(rows: list[Row]) -> None:
    """Run cases through a delaying proxy, and print what each took, and from which round trip on the script is faster.

    No bound: what decides is the number of requests, which every case is held to.
    """
    print(f"\nThrough a delaying proxy, seconds of ours / one script + {POWERSHELL_S} s for its PowerShell (ratio):\n")
    _print_delays("case", [f"{ms} ms" for ms in ROUND_TRIPS_MS], "the script wins from")
    cases = {case.name: case for case in CASES}
    with Fleet({"hosts": [{"name": "host", "preset": PRESET}]}) as fleet:
        host = fleet.hosts["host"]
        for name in DELAYED:
            case, cells, row = cases[name], [], {}
            for ms in ROUND_TRIPS_MS:
                with delayed(host["address"], host["http_port"], ms) as proxy:
                    ours = _measure(fleet, name, case.ours, changed=case.changed, before=case.before, port=proxy.port)
                    script = _measure(fleet, name, case.script, port=proxy.port) if case.script else None
                theirs = script["wall_s"] + POWERSHELL_S if script else None
                ratio = f" / {theirs:.1f} ({ours['wall_s'] / theirs:.2f})" if theirs else ""
                cells.append(f"{ours['wall_s']:.1f}{ratio}")
                row[f"{ms} ms"] = {"ours": ours, "script": script}
            more = ours["requests"] - script["requests"] if script else 0
            wins = f"{POWERSHELL_S / more * 1000:.0f} ms" if more > 0 else "never" if script else "-"
            rows.append({"case": f"{name}, delayed", "delays": row, "script_wins_from": wins})
            _print_delays(name, cells, wins)
    print()


def _print_delays(name: str, cells: Sequence[str], wins: str) -> None:
    print(f"{name:50}" + "".join(f"{cell:>20}" for cell in cells) + f"{wins:>24}", flush=True)


def _promises() -> dict[str, list[str]]:
    """The names of the cases that each promise is about."""
    promises: dict[str, list[str]] = {}
    for case in (*CASES, MANY):
        for bound in case.bounds:
            promises.setdefault(bound.promise, []).append(case.name)
    for beside in BESIDE:
        promises.setdefault(beside.promise, []).append(beside.case)
    promises[CPU_PROMISE] = [CPU_CASE]
    promises[report_rows.MEMORY_PROMISE] = [report_rows.case_of(size) for size in report_rows.SIZES]
    return promises


def _measure(
    fleet: Fleet,
    name: str,
    tasks: Tasks,
    *,
    changed: bool = False,
    forks: int = 5,
    before: Tasks = (),
    port: int | None = None,
) -> Count:
    """Run a playbook of these tasks against every host as installed; return what all hosts together counted.

    `before` runs first, as a playbook of its own that counts for nothing. `port` is that of a proxy to the one host.
    Raises BenchFailed unless every host ends as expected.
    """
    for host in fleet.hosts:
        fleet.control.reset(host)
        fleet.control.reset_counters(host)
    if before:
        run = _play(fleet, before, forks)
        if run.status:
            raise BenchFailed(f"{name}, what runs before: status {run.status}.\n{run.output}")
        for host in fleet.hosts:
            fleet.control.reset_counters(host)
    used = _cpu_s()
    run = _play(fleet, tasks, forks, port)
    used = _cpu_s() - used
    expected = "changed" if changed else "ok"
    wrong = {host: word for host in fleet.hosts if (word := _outcome(run, host, len(tasks))) != expected}
    if run.status or wrong:
        raise BenchFailed(f"{name}: status {run.status}, expected {expected}, were {wrong}.\n{run.output}")
    counters = [fleet.control.counters(host) for host in fleet.hosts]
    total: dict[str, Any] = {ours: sum(row[theirs] for row in counters) for ours, theirs in COUNTED.items()}
    return total | {"cpu_s": round(used, 2), "wall_s": round(run.wall_s, 2)}


def _play(fleet: Fleet, tasks: Tasks, forks: int, port: int | None = None) -> PlaybookRun:
    with tempfile.TemporaryDirectory(prefix="winops-bench-") as folder:
        playbook = Path(folder, "playbook.yml")
        # JSON is YAML.
        playbook.write_text(json.dumps([{"hosts": "windows", "gather_facts": False, "tasks": tasks}]), encoding="utf-8")
        command = ["ansible-playbook", "-i", str(fleet.inventory_path), "-f", str(forks), str(playbook)]
        if port is not None:
            command += ["-e", json.dumps({"ansible_host": "127.0.0.1", "ansible_port": port})]
        return run_playbook(command, cwd=Path(folder), environ=_environ())


def _cpu_s() -> float:
    """User and system CPU, in seconds, of all processes that this one started and that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _outcome(run: PlaybookRun, host: str, tasks: int) -> str:
    """The run's word for a host, but `incomplete` unless all tasks ran."""
    word = run.outcome(host)
    return word if run.recap.get(host, {}).get("ok", 0) >= tasks or word in ("failed", "unreachable") else "incomplete"


def _environ() -> dict[str, str]:
    environ = clean_environ(Path(sys.executable).parent)
    return environ | {"ANSIBLE_ACTION_PLUGINS": str(Path(__file__).resolve().parent / "action_plugins")}


def _report(
    case: Case,
    ours: Count,
    peer: Count | None,
    script: Count | None,
    rows: list[Row],
    broken: set[tuple[str, str]],
) -> None:
    """Print a case's line; add its row and its broken bounds. A ratio is the peer's count for one of ours."""
    ratios = {name: _ratio(peer[name], ours[name]) for name in ours} if peer else {}
    to_script = {name: _ratio(script[name], ours[name]) for name in ours} if script else {}
    rows.append(
        {"case": case.name, **ours, "peer": peer, "script": script, "ratios": ratios, "ratios_to_script": to_script}
    )
    broken.update((case.name, bound.promise) for bound in case.bounds if not bound.holds(ours, peer or {}))
    _print_line(_cells(case.name, (ours, peer, script), (ratios, to_script)))


def _ratio(peer: float, ours: float) -> float | None:
    """None where we need nothing at all."""
    return round(peer / ours, 1) if ours else None


CPU_CASE = f"harden, nothing to do / as many empty tasks, {CPU_HOSTS} hosts"
CPU_PROMISE = f"controller CPU <= {CPU_RATIO} times that of empty tasks"
HEADINGS = ("case", "requests", "after auth", "KB sent", "1/", "shells", "processes", "seconds")
WIDTHS = (50, 14, 14, 17, 9, 10, 12, 16)


def _cells(name: str, sides: Sequence[Count | None], ratios: Sequence[Mapping[str, float | None]]) -> Sequence[str]:
    """A line's cells; a peer that was not measured is a dash."""

    def each(key: str, form: str = "{}", unit: float = 1) -> str:
        return " / ".join(form.format(side[key] / unit if unit != 1 else side[key]) if side else "-" for side in sides)

    fractions = [ratio.get("bytes_sent") for ratio in ratios]
    return (
        name,
        each("requests"),
        each("requests_after_auth"),
        each("bytes_sent", "{:.0f}", 1000),
        " / ".join("-" if fraction is None else f"{fraction:.0f}" for fraction in fractions),
        each("shells"),
        each("processes"),
        each("wall_s", "{:.1f}"),
    )


def _print_line(cells: Sequence[str]) -> None:
    first, *others = (cell.ljust(width) for cell, width in zip(cells, WIDTHS, strict=True))
    print("  ".join([first, *(cell.strip().rjust(len(cell)) for cell in others)]), flush=True)
