"""A break at each single request of a change: what was written is reported, and the next run finishes it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from windows_settings import held

from playbooks import Playbooks, Record, task
from simulated_windows.client import Fleet

# name: (preset, options)
CHANGES: dict[str, tuple[str, dict[str, Any]]] = {
    "opening": (
        "windows_11_24h2_pro",
        {"insecure_guest_logons": "allowed", "client_signing": "not_required", "server_encryption": "required"},
    ),
    "closing": (
        "windows_10_22h2_pro",
        {"insecure_guest_logons": "blocked", "client_signing": "required", "scope": ["local", "policy"]},
    ),
}
DEAD = "dead"
"""Every request from the step on is reset: the host is gone for the task, and nothing can be rolled back."""
KINDS = (DEAD, "reset_before", "reset_after", "cut", "soap_fault")
MANY = 200
WRITES = ("SetConfiguration", "SetDWORDValue", "CreateKey")
_PERHAPS = re.compile(r"\b(may|might) (already )?(have|hold|stand)\b|not known|unknown", re.IGNORECASE)


class Breaks:
    """Two runs: an undisturbed twin of each change, then a host for each request of it and each kind of break."""

    def __init__(self, fleet: Fleet, playbooks: Playbooks) -> None:
        control = fleet.control
        self.pristine = {change: control.state(change) for change in CHANGES}
        tasks = {change: [task("change", "client_config", **options)] for change, (_unused, options) in CHANGES.items()}
        twins = playbooks.run(fleet, tasks, list(CHANGES))
        self.twins = {change: twins.record(change, "change") for change in CHANGES}
        hosts: dict[str, list[str]] = {change: [] for change in CHANGES}
        for change, (preset, _unused) in CHANGES.items():
            for kind in KINDS:
                for step in range(1, len(self.twins[change].requests) + 1):
                    name = f"{change}-{kind}-{step:02d}"
                    fleet.hosts |= control.add_host(name=name, preset=preset)
                    if kind == DEAD:
                        control.add_fault(name, "reset_before", at=list(range(step, MANY)))
                    else:
                        control.add_fault(name, kind, at=[step], times=1)
                    hosts[change].append(name)
        self.names = hosts
        self.passwords = {user["password"] for ready in fleet.hosts.values() for user in ready["users"]}
        names = [name for its_names in hosts.values() for name in its_names]

        def plays(task_name: str) -> dict[str, list[dict[str, Any]]]:
            return {
                ":".join(hosts[change]): [task(task_name, "client_config", **options)]
                for change, (_unused, options) in CHANGES.items()
            }

        self.run = playbooks.run(fleet, plays("change"), names, verbosity=4)
        for name in names:
            control.clear_faults(name)
        self.second = playbooks.run(fleet, plays("again"), names)

    def each(self, change: str, kind: str) -> list[tuple[Record, Record]]:
        """(the broken task, the same again) by step."""
        names = [name for name in self.names[change] if name.startswith(f"{change}-{kind}-")]
        return [(self.run.record(name, "change"), self.second.record(name, "again")) for name in names]


@pytest.fixture(scope="module")
def breaks(playbooks: Playbooks, start_fleet: Callable[[list[dict[str, Any]]], Fleet]) -> Breaks:
    fleet = start_fleet([{"name": name, "preset": preset} for name, (preset, _unused) in CHANGES.items()])
    return Breaks(fleet, playbooks)


def _settings(state: dict[str, Any]) -> dict[str, Any]:
    """A host's state without what is its own or only tells of what happened."""
    return {key: value for key, value in state.items() if key not in ("os", "events")}


@pytest.mark.parametrize("change", CHANGES)
def test_the_twins_write(breaks: Breaks, change: str) -> None:
    twin = breaks.twins[change]
    assert (twin.status, twin.result["changed"]) == ("ok", True), twin
    assert sum(row["method"] in WRITES for row in twin.requests) >= 2


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("change", CHANGES)
def test_what_was_written_is_reported(breaks: Breaks, change: str, kind: str) -> None:
    pristine = _settings(breaks.pristine[change])
    reads = next(step for step, row in enumerate(breaks.twins[change].requests) if row["method"] in WRITES)
    hidden = []
    for step, (broken, _unused) in enumerate(breaks.each(change, kind)):
        # A host that breaks off is unreachable; but the play stops where something was or may have been written.
        lost = kind != "soap_fault" and step < reads
        faulted = breaks.twins[change].requests[step]["method"]
        if kind == "soap_fault" and step > reads and faulted == "GetConfiguration" and broken.status == "ok":
            # The look after the writes had a side that did not answer: then everything was read again.
            assert (broken.result["changed"], broken.result["verified"]) == (True, True), broken
            continue
        assert broken.status == ("unreachable" if lost else "failed"), broken
        written = _settings(broken.state) != pristine
        said = broken.result["changed"] is True or _PERHAPS.search(broken.message) is not None
        if written and not said:
            hidden.append(f"{broken.host} ({broken.requests[-1]['method']}): {broken.status}: {broken.message}")
        if not written and broken.result["changed"]:
            # Of a host that fell silent it cannot be known; then that is what the message says.
            assert _PERHAPS.search(broken.message), broken.message
    assert hidden == [], "\n".join(hidden)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("change", CHANGES)
def test_the_next_run_finishes(breaks: Breaks, change: str, kind: str) -> None:
    for _unused, again in breaks.each(change, kind):
        assert again.status == "ok", again
        assert _settings(again.state) == _settings(breaks.twins[change].state), again


def test_the_order_of_writes(breaks: Breaks) -> None:
    """What closes comes first, what opens last; the client closes before anything is written beneath a policy."""
    seen = {change: set() for change in CHANGES}
    for change in CHANGES:
        for broken, _unused in breaks.each(change, DEAD):
            guest = held(broken.state, "insecure_guest_logons")
            encryption = held(broken.state, "server_encryption")["running"]
            seen[change].add((guest["running"], encryption if change == "opening" else guest["policy"]))
    assert seen["opening"] == {(False, False), (False, True), (True, True)}
    assert seen["closing"] == {(True, None), (False, None), (False, False)}


def test_no_traceback_and_no_password(breaks: Breaks) -> None:
    assert breaks.run.output.count("ESTABLISH WINRM CONNECTION") > 0, "this is not the output of -vvvv"
    assert "traceback" not in breaks.run.output.lower()
    everything = breaks.run.output + "".join(f"{record.result}" for record in breaks.run.records)
    assert [password for password in breaks.passwords if password in everything] == []
