"""One simulated host under change: runs the collection's actions on it in this process, and looks behind the wire."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

from ansible.playbook.play_context import PlayContext
from ansible.plugins.loader import connection_loader
from winrm.protocol import Protocol

from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.journal import CHANGES, ENDED, ROOT, STANDING
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.lock import LOCK
from simulated_windows.client import ControlClient

OURS = "HKLM\\SOFTWARE\\winops"
OPERATION_SECONDS, READ_SECONDS = 20, 30
HANG_SECONDS = 0.2
"""How long the one message that is known to get no answer is waited for."""

_ACTIONS = "ansible_collections.winops.smb_guest.plugins.action"


@dataclass(frozen=True)
class Endpoint:
    """Where a host listens, and who calls. Plain data: another process can be given it."""

    url: str
    user: str
    password: str
    transport: str = "basic"


@dataclass(frozen=True)
class Act:
    """One task: a module and its options."""

    module: str
    options: Mapping[str, Any]

    def on(self, endpoint: Endpoint, hang_at: int | None = None) -> dict[str, Any]:
        """Run the action plugin as Ansible does, without Ansible around it. hang_at: the message without an answer."""
        action = importlib.import_module(f"{_ACTIONS}.{self.module}").ActionModule
        task = SimpleNamespace(
            action=f"winops.smb_guest.{self.module}",
            args=dict(self.options),
            async_val=0,
            check_mode=False,
            delegate_to=None,
        )
        plugin = action(task, _connection(endpoint, hang_at), None, None, None)
        result: dict[str, Any] = plugin.run(task_vars={})
        return result


def _connection(endpoint: Endpoint, hang_at: int | None) -> Any:
    """Ansible's own winrm connection to the endpoint."""
    url = urlsplit(endpoint.url)
    connection = connection_loader.get("winrm", PlayContext(), None)
    variables = {
        "ansible_host": url.hostname,
        "ansible_port": url.port,
        "ansible_user": endpoint.user,
        "ansible_password": endpoint.password,
        "ansible_winrm_scheme": url.scheme,
        "ansible_winrm_transport": endpoint.transport,
    }
    connection.set_options(var_options={**variables, "_extras": {}})
    connection.protocol = Protocol(
        endpoint.url,
        transport=endpoint.transport,
        username=endpoint.user,
        password=endpoint.password,
        operation_timeout_sec=OPERATION_SECONDS,
        read_timeout_sec=READ_SECONDS,
    )
    if hang_at is not None:
        _be_impatient(connection.protocol.transport, hang_at)
    return connection


def _be_impatient(transport: Any, at: int) -> None:
    send: Callable[[bytes], bytes] = transport.send_message
    sent = 0

    def counted(message: bytes) -> bytes:
        nonlocal sent
        sent += 1
        transport.read_timeout_sec = HANG_SECONDS if sent == at else READ_SECONDS
        return send(message)

    transport.send_message = counted


@dataclass(frozen=True)
class Subject:
    """A host of a fleet. registry: what `fresh` adds to it, as (key, name, type, value)."""

    name: str
    ready: Mapping[str, Any]
    control: ControlClient
    registry: tuple[tuple[str, str, str, Any], ...] = ()

    def fresh(self) -> None:
        """Back to the first day: nothing was changed, nothing was counted, no fault is posted."""
        self.control.reset(self.name)
        for key, name, kind, value in self.registry:
            self.control.set_registry(self.name, f"HKLM\\{key}", name, value, kind)

    def endpoint(self, transport: str = "basic", user: str = "Administrator") -> Endpoint:
        account = next(item for item in self.ready["users"] if item["name"] == user)
        url = f"http://{self.ready['address']}:{self.ready['http_port']}/wsman"
        return Endpoint(url, account["name"], account["password"], transport)

    def look(self) -> Look:
        return Look(self.control.state(self.name))


@dataclass(frozen=True)
class Look:
    """A host as it stands. settings: what a change is about, all of it: registry bit for bit, and what runs."""

    state: Mapping[str, Any] = field(repr=False)

    @property
    def registry(self) -> dict[str, Any]:
        keys: dict[str, Any] = self.state["registry"]
        return {key: values for key, values in keys.items() if not _is_below(key, OURS)}

    @property
    def settings(self) -> dict[str, Any]:
        return {"registry": self.registry, "client": self.state["smb_client"], "server": self.state["smb_server"]}

    @property
    def journal(self) -> dict[str, dict[str, Any]]:
        """change_id to its entry, oldest first; what has ended counts more. What an expiry says is put in."""
        lists = self.state["registry"].get(f"HKLM\\{ROOT}", {})
        lines = [line for name in (STANDING, ENDED) for line in lists.get(name, {"value": []})["value"]]
        entries = {entry["change_id"]: entry for entry in map(json.loads, lines)}
        for change_id, entry in entries.items():
            if f"HKLM\\{CHANGES}\\{change_id}~reverted" in self.state["registry"]:
                entry |= {"status": "reverted", "note": "expired"}
        return dict(sorted(entries.items(), key=lambda item: item[1]["seq"]))

    @property
    def statuses(self) -> list[str]:
        """Of every change, oldest first."""
        return [entry["status"] for entry in self.journal.values()]

    @property
    def pending(self) -> str | None:
        """The change of the interrupted run."""
        unfinished = [name for name, entry in self.journal.items() if entry["status"] in ("pending", "failed")]
        return unfinished[0] if unfinished else None

    @property
    def is_journaled_as_pending(self) -> bool:
        """Whether the next run warns that a change was interrupted."""
        return self.pending is not None

    @property
    def claims(self) -> list[str]:
        root = f"HKLM\\{LOCK}\\"
        return [key[len(root) :] for key in self.state["registry"] if key.startswith(root + "~lock~")]

    @property
    def tasks(self) -> list[str]:
        return [task["name"] for task in self.state["tasks"]]

    @property
    def essence(self) -> str:
        """The host without names, times and texts that differ from run to run: equal for states that act alike."""
        ids = {change_id: f"change {number}" for number, change_id in enumerate(self.journal)}
        loose = ("created_at", "expires_at", "note", "registered_as")
        entries = json.dumps(
            {
                ids[change_id]: {name: bool(value) if name in loose else value for name, value in entry.items()}
                for change_id, entry in self.journal.items()
            }
        )
        for change_id, name in ids.items():
            entries = entries.replace(change_id, name)
        tasks = [ids.get(task, task) for task in self.tasks]
        return json.dumps([self.settings, entries, tasks, len(self.claims)], sort_keys=True)

    def untidy(self, lock: bool = True) -> list[str]:
        """What a run that ended well must not leave behind. lock: whether it held the lock."""
        found = []
        if self.pending is not None:
            found.append(f"{self.pending} is still marked as pending")
        if lock and self.claims:
            found.append(f"the lock is still claimed: {self.claims}")
        for change_id, values in self.journal.items():
            status = values["status"]
            if status in ("pending", "reverting"):
                found.append(f"the change {change_id} is still {status}")
            if status in ("rolled_back", "reverted", "failed") and not values.get("note"):
                found.append(f"the change {change_id} is {status}, and nothing says why")
            expires = status == "applied" and bool(values.get("expires_at"))
            if (change_id in self.tasks) != expires:
                found.append(f"the change {change_id} is {status}, tasks: {self.tasks}")
        return found + [f"the task {name} belongs to nothing" for name in self.tasks if name not in self.journal]


def difference(one: Mapping[str, Any], other: Mapping[str, Any], where: str = "") -> list[str]:
    """How two states differ, for a person."""
    lines = []
    for name in sorted({*one, *other}):
        left, right = one.get(name), other.get(name)
        if left == right:
            continue
        if isinstance(left, Mapping) and isinstance(right, Mapping):
            lines += difference(left, right, f"{where}{name}: ")
        else:
            lines.append(f"{where}{name}: {left} -> {right}")
    return lines


def _is_below(key: str, root: str) -> bool:
    return key == root or key.startswith(root + "\\")
