"""Every way to a host changes a setting and reads it back; ways that are closed change nothing and say why."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import Any

import pytest
from forward_proxy import ForwardProxy
from realm import Realm
from ways import CLOSED, WAYS, Way

from playbooks import Playbooks, Run, task
from simulated_windows.client import Fleet

PRESET = "windows_11_24h2_enterprise"
USER = "Administrator"
CHANGE = {"insecure_guest_logons": "allowed", "client_signing": "not_required"}
ALL = {**WAYS, **CLOSED}


@pytest.fixture(scope="module")
def fleet(realm: Realm) -> Iterator[Fleet]:
    """A host for each way. Its process holds the service's key, as a member of the domain does."""
    saved = dict(os.environ)
    os.environ.update(realm.environ, KRB5_KTNAME=str(realm.keytab))
    try:
        with Fleet({"hosts": [{"name": name, "preset": PRESET, **way.host} for name, way in ALL.items()]}) as running:
            yield running
    finally:
        os.environ.clear()
        os.environ.update(saved)


def inventory(fleet: Fleet, name: str, way: Way, values: dict[str, str]) -> dict[str, Any]:
    ready = fleet.hosts[name]
    password = next(user["password"] for user in ready["users"] if user["name"] == USER)
    own = ready.get("client_certificates") or fleet.hosts["winrm-certificate"]["client_certificates"]
    filled = {
        **values,
        "<ca>": ready.get("ca_file"),
        "<certificate>": own[USER]["certificate"],
        "<key>": own[USER]["key"],
    }
    variables = {
        "ansible_host": ready["address"],
        "ansible_port": ready[f"{way.scheme}_port"],
        "ansible_user": USER,
        "ansible_password": password,
        **{key: filled.get(value, value) if isinstance(value, str) else value for key, value in way.variables.items()},
    }
    return {key: value for key, value in variables.items() if value is not None}


@pytest.fixture(scope="module")
def run(fleet: Fleet, realm: Realm, proxy: ForwardProxy, playbooks: Playbooks) -> Run:
    password = next(user["password"] for user in fleet.hosts["winrm-kerberos"]["users"] if user["name"] == USER)
    principal = realm.add_user(USER, password)
    values = {"<principal>": principal, "<proxy>": proxy.url}
    hosts = {name: inventory(fleet, name, way, values) for name, way in ALL.items()}
    extra = {**realm.environ, "KRB5CCNAME": f"FILE:{realm.ticket(principal, password)}"}
    tasks = [
        task("before", "client_facts"),
        task("change", "client_config", **CHANGE),
        task("again", "client_config", **CHANGE),
        task("after", "client_facts"),
    ]
    return playbooks.run(fleet, tasks, hosts, extra=extra)


@pytest.mark.parametrize("name", WAYS)
def test_a_setting_is_changed_and_read_back(run: Run, fleet: Fleet, name: str) -> None:
    before, change, again, after = (run.record(name, step) for step in ("before", "change", "again", "after"))
    assert before.status == "ok", before
    assert before.facts["guest_access"]["verdict"] == "blocked"
    assert change.status == "ok", change
    assert change.result["changed"] is True
    assert again.status == "ok", again
    assert again.result["changed"] is False
    assert after.status == "ok", after
    assert after.facts["guest_access"]["verdict"] == "allowed"
    assert fleet.control.state(name)["smb_client"]["EnableInsecureGuestLogons"] is True
    rows = [row for record in (before, change, again, after) for row in record.requests]
    assert {row["user"] for row in rows} == {USER}
    assert {row["encrypted"] for row in rows} == {WAYS[name].encrypted}
    assert change.counters["shells"] == change.counters["processes"] == 0


@pytest.mark.parametrize("name", [name for name in WAYS if "-proxy-" in name])
def test_the_proxy_carried_it(run: Run, fleet: Fleet, proxy: ForwardProxy, name: str) -> None:
    assert run.record(name, "change").status == "ok"
    scheme = WAYS[name].scheme
    method = "CONNECT" if scheme == "https" else "POST"
    # One connection for each task, and none beside the proxy.
    carried = proxy.seen[method, fleet.hosts[name]["address"], fleet.hosts[name][f"{scheme}_port"]]
    assert carried == sum(
        run.record(name, step).counters["connections"] for step in ("before", "change", "again", "after")
    )
    assert carried > 0


@pytest.mark.parametrize("name", CLOSED)
def test_a_closed_way_changes_nothing(run: Run, fleet: Fleet, name: str) -> None:
    for step in ("before", "change", "after"):
        record = run.record(name, step)
        assert record.status == "unreachable", record
        assert re.search(CLOSED[name].says, record.message, re.DOTALL), record
        assert record.requests == []
    assert fleet.control.state(name)["smb_client"]["EnableInsecureGuestLogons"] is False
