"""Facts that are gathered in parts: a subset adds to what is known, and wipes nothing, in the fact cache neither."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from playbooks import Playbooks, task
from simulated_windows.client import Fleet


def test_a_subset_wipes_nothing(playbooks: Playbooks, start_fleet: Callable[[list[dict[str, Any]]], Fleet]) -> None:
    fleet = start_fleet([{"name": "parts", "preset": "windows_11_24h2_pro"}])
    tasks = {
        "parts": [
            task("all", "client_facts"),
            task("change", "guest_auth", state="allowed", reason="a reason"),
            task("changes", "client_facts", gather_subset=["changes"]),
            task("os", "client_facts", gather_subset=["os"]),
        ]
    }
    run = playbooks.run(fleet, tasks, ["parts"])
    whole, changes, system = (run.record("parts", name).facts for name in ("all", "changes", "os"))
    assert (whole["changes"], [entry["status"] for entry in changes["changes"]]) == ([], ["applied"])
    assert changes == {**whole, "changes": changes["changes"]}
    assert system == changes
