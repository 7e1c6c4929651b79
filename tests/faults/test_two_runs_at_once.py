"""Two controllers change one host at the same moment: exactly one does, the other says why not, nothing is lost."""

from __future__ import annotations

import json
import random
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from changes import OPEN, REVERT_ALL
from checkout import clean_environ
from crew import Worker
from subjects import Look, Subject, difference

from simulated_windows.client import Fleet

TRIES = 50
USERS = ("first", "second")
BUSY = re.compile(r"Another run is changing this host right now .*Nothing was written", re.DOTALL)


@pytest.fixture(scope="module")
def subject(fleet: Fleet) -> Subject:
    users = [{"name": user, "password": f"{user} pass", "role": "administrator"} for user in USERS]
    fleet.hosts |= fleet.control.add_host(name="shared", preset="windows_11_24h2_pro", users=users, https=False)
    return Subject("shared", fleet.hosts["shared"], fleet.control)


def delay_some(subject: Subject, chance: random.Random) -> None:
    """Let some requests take their time, others than in the try before."""
    for seconds in (0.01, 0.03, 0.08):
        at = chance.sample(range(1, 90), 6)
        subject.control.add_fault(subject.name, "delay", at=at, seconds=seconds)


def came_after(subject: Subject, late: str, early: str) -> bool:
    """Whether the user `late` held the host only when `early` had let go of it, or never tried to."""
    rows = subject.control.requests(subject.name)
    claims = [row["index"] for row in rows if row["user"] == late and row["method"] == "CreateKey"]
    leaves = [row["index"] for row in rows if row["user"] == early and row["method"] == "DeleteKey"]
    held = [row["index"] for row in rows if row["user"] == late and row["method"] == "SetMultiStringValue"]
    # The journal is written by whoever holds the host.
    return not claims or not held or held[0] > max(leaves)


def overlapped(subject: Subject) -> bool:
    """Whether each began before the other ended."""
    order = [row["user"] for row in subject.control.requests(subject.name)]
    return order.index(USERS[1]) < len(order) - order[::-1].index(USERS[0]) and order.index(USERS[0]) < len(
        order
    ) - order[::-1].index(USERS[1])


def judged(subject: Subject, results: Mapping[str, Mapping[str, Any]], pristine: Look) -> Iterator[str]:
    winners = [user for user in USERS if results[user]["changed"]]
    if len(winners) != 1:
        said = {user: (result["changed"], result.get("msg", "")) for user, result in results.items()}
        yield f"{len(winners)} made the change: {said}"
        return
    (loser,) = set(USERS) - set(winners)
    lost = results[loser]
    if "failed" in lost and not BUSY.search(lost["msg"]):
        yield f"the other's error is not clear: {lost['msg']}"
    if "failed" not in lost and not came_after(subject, loser, winners[0]):
        yield f"the other had nothing to change while the first was at it: {lost}"
    look = subject.look()
    if look.statuses != ["applied"]:
        yield f"the journal says {look.statuses}"
    yield from look.untidy()
    if look.state["smb_client"]["EnableInsecureGuestLogons"] is not True:
        yield "guest logons are not allowed"
    undone = REVERT_ALL.on(subject.endpoint(user=USERS[0]))
    if not undone["changed"]:
        yield f"it could not be undone: {undone}"
    yield from (f"after reverting: {line}" for line in difference(pristine.settings, subject.look().settings))


def test_two_processes(subject: Subject, tell: Any) -> None:
    chance = random.Random(3)
    wrong: list[str] = []
    refused = interleaved = 0
    for number in range(TRIES):
        subject.fresh()
        pristine = subject.look()
        delay_some(subject, chance)
        workers = {user: Worker(OPEN, subject.endpoint(user=user)) for user in USERS}
        for worker in workers.values():
            worker.go()
        results = {user: worker.result() for user, worker in workers.items()}
        subject.control.clear_faults(subject.name)
        refused += sum("failed" in result for result in results.values())
        interleaved += overlapped(subject)
        wrong += [f"try {number}: {line}" for line in judged(subject, results, pristine)]
    tell(tries=TRIES, interleaved=interleaved, refused=refused, violations=len(wrong))
    if wrong:
        pytest.fail("\n".join(wrong), pytrace=False)
    assert refused > 0, "the two never met"


def test_two_playbooks(subject: Subject, tmp_path: Path) -> None:
    """The same with two real ansible-playbook processes."""
    subject.fresh()
    pristine = subject.look()
    # Whoever comes first is held up behind its claim, so that the other meets it.
    subject.control.add_fault(subject.name, "delay", match="CreateKey", times=0, seconds=1.0)
    play = {"hosts": "all", "gather_facts": False, "tasks": [{"winops.smb_guest.client_config": dict(OPEN.options)}]}
    (tmp_path / "play.yml").write_text(json.dumps([play]), encoding="utf-8")
    runs = {}
    for user in USERS:
        inventory = tmp_path / f"{user}.yml"
        account = next(item for item in subject.ready["users"] if item["name"] == user)
        variables = {
            "ansible_connection": "winrm",
            "ansible_winrm_scheme": "http",
            "ansible_winrm_transport": "ntlm",
            "ansible_host": subject.ready["address"],
            "ansible_port": subject.ready["http_port"],
            "ansible_user": user,
            "ansible_password": account["password"],
        }
        inventory.write_text(json.dumps({"all": {"hosts": {"shared": variables}}}), encoding="utf-8")
        runs[user] = subprocess.Popen(
            [sys.executable, "-m", "ansible", "playbook", "-i", str(inventory), str(tmp_path / "play.yml")],
            cwd=tmp_path,
            env=clean_environ(Path(sys.executable).parent) | {"ANSIBLE_HOME": str(tmp_path / user)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
    outputs = {user: run.communicate(timeout=120)[0] for user, run in runs.items()}
    subject.control.clear_faults(subject.name)
    results = {
        user: {"changed": "changed=1" in output, "msg": " ".join(output.split())}
        | ({"failed": True} if "failed=1" in output else {})
        for user, output in outputs.items()
    }
    assert [run.returncode for run in runs.values()].count(0) >= 1, outputs
    assert list(judged(subject, results, pristine)) == []
