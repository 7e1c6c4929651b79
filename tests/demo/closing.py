"""The table at the end of the demo: what the hosts held at first, hardened, and now."""

from __future__ import annotations

from collections.abc import Mapping

from host_state import States, decided_by, journal, verdict

HEADINGS = ("Host", "Windows", "First", "Hard", "Now", "Decided by", "Journal")


def table(first: States, hard: States, now: States) -> list[str]:
    """Its lines. First, Hard and Now are guest logons; Journal is the status of the latest change."""
    rows = [HEADINGS, *(_row(host, first, hard, now) for host in now)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _row(host: str, *when: States) -> tuple[str, ...]:
    now = when[-1][host]
    verdicts = [verdict(states[host]) for states in when]
    return (host, _windows(now["os"]), *verdicts, decided_by(now), (journal(now) or ["-"])[-1])


def _windows(system: Mapping[str, str]) -> str:
    name = system["caption"].removeprefix("Microsoft Windows ").removesuffix(" Standard")
    return name if name.startswith("Server") else f"{name} {system['version']}"
