"""200 hosts in one ansible-playbook run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from playbooks import FACTS_REQUESTS, Playbooks, task
from simulated_windows.client import Fleet

HOSTS = 200
PRESETS = ("windows_11_24h2_pro", "windows_10_22h2_pro", "server_2019", "server_2025")


def test_200_hosts_with_10_forks(playbooks: Playbooks, start_fleet: Callable[[list[dict[str, Any]]], Fleet]) -> None:
    fleet = start_fleet([{"name": preset, "preset": preset, "count": HOSTS // len(PRESETS)} for preset in PRESETS])
    assert len(fleet.hosts) == HOSTS
    run = playbooks.run(fleet, [task("facts", "client_facts")], forks=10)
    assert run.returncode == 0, run.output[-3000:]
    assert {record.host for record in run.records} == set(fleet.hosts)
    assert [record for record in run.records if record.status != "ok"] == []
    assert all(record.facts["os"]["build"] == record.state["os"]["build"] for record in run.records)
    assert max(record.counters["requests_after_auth"] for record in run.records) <= FACTS_REQUESTS
