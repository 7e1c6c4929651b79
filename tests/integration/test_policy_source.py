"""Which GPO decides, as a playbook sees it: on hosts that tell, and on each kind of host that does not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from playbooks import Playbooks, Run, task
from simulated_windows.client import Fleet

GUID = "{11111111-2222-3333-4444-555555555555}"
HOST: dict[str, Any] = {
    "preset": "windows_11_24h2_pro",
    "part_of_domain": True,
    "gpos": [
        {
            "name": "SMB hardening",
            "guid": GUID,
            "policy": {"AllowInsecureGuestAuth": 0},
            "security_options": {"RequireSecuritySignature": 1},
        }
    ],
}
SILENT = {
    "missing_namespace": "does not serve root/rsop/computer",
    "denied": "denies this account root/rsop/computer",
    "empty": "root/rsop/computer is empty",
}
KINDS = ("served", *SILENT)
TASKS = [
    task("facts", "client_facts"),
    task("settings alone", "client_facts", gather_subset=["settings"]),
    task("conflict", "guest_auth", state="allowed"),
    task("warned", "guest_auth", check=True, state="allowed", managed="warn"),
]


def _name(kind: str) -> str:
    return kind.replace("_", "-")


@pytest.fixture(scope="module")
def run(playbooks: Playbooks, start_fleet: Callable[[list[dict[str, Any]]], Fleet]) -> Run:
    fleet = start_fleet([{"name": _name(kind), **HOST, "quirks": {"rsop": kind}} for kind in KINDS])
    return playbooks.run(fleet, TASKS)


def test_the_facts_name_the_gpo(run: Run) -> None:
    settings = run.record("served", "facts").facts["settings"]
    for name in ("insecure_guest_logons", "client_signing"):
        source = settings[name]["policy_source"]
        assert (settings[name]["winner"], source["gpo"], source["guid"]) == ("policy", "SMB hardening", GUID)
        assert (source["link"], source["precedence"]) == ("DC=corp,DC=example", 1)
    assert "the GPO SMB hardening" in run.record("served", "facts").facts["guest_access"]["advice"]


@pytest.mark.parametrize("kind", SILENT)
def test_a_host_that_does_not_tell_is_read_all_the_same(run: Run, kind: str) -> None:
    record = run.record(_name(kind), "facts")
    assert (record.status, record.result.get("warnings")) == ("ok", None), record
    settings = record.facts["settings"]
    for name, winner in (("insecure_guest_logons", "policy"), ("client_signing", "local")):
        assert (settings[name]["winner"], settings[name]["policy_source"]) == (winner, None)
        assert SILENT[kind] in settings[name]["policy_source_reason"]


@pytest.mark.parametrize("kind", KINDS)
def test_what_it_costs(run: Run, kind: str) -> None:
    record = run.record(_name(kind), "facts")
    asked = [row for row in record.requests if "rsop" in row["resource"].lower()]
    assert len(asked) == (4 if kind == "served" else 1), asked
    alone = run.record(_name(kind), "settings alone")
    assert not [row for row in alone.requests if "rsop" in row["resource"].lower()]
    assert "policy_source" not in alone.facts["settings"]["client_signing"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_conflict(run: Run, kind: str) -> None:
    refused, warned = run.record(_name(kind), "conflict"), run.record(_name(kind), "warned")
    assert (refused.status, warned.status) == ("failed", "ok"), (refused, warned)
    named = "policy (the GPO SMB hardening, linked to DC=corp,DC=example) sets" if kind == "served" else "policy sets"
    assert named in refused.message
    assert named in " ".join(warned.result["warnings"])
