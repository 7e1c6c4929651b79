"""Short conversations with a simulated host, recorded once and replayed with one answer damaged.

Each is what the collection itself asks: requests are encoded, answers decoded and judged by the code that does so on a
real host. A replay answers by request, so that what is asked after the damaged answer gets its right answer, too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.journal import Journal
from ansible_collections.winops.smb_guest.plugins.plugin_utils.events.event_records import EventReader, Way
from ansible_collections.winops.smb_guest.plugins.plugin_utils.posture.observe import Depth, observe
from ansible_collections.winops.smb_guest.plugins.plugin_utils.tables.settings import SETTINGS, Side
from ansible_collections.winops.smb_guest.plugins.plugin_utils.verify.engine import verify
from ansible_collections.winops.smb_guest.plugins.plugin_utils.windows.computer import read_clock
from ansible_collections.winops.smb_guest.plugins.plugin_utils.windows.operating_system import read_operating_system
from ansible_collections.winops.smb_guest.plugins.plugin_utils.windows.registry import (
    Registry,
    RegistryType,
    RegistryValue,
)
from ansible_collections.winops.smb_guest.plugins.plugin_utils.windows.scheduled_task import (
    delete_task,
    register_task,
    task_exists,
)
from ansible_collections.winops.smb_guest.plugins.plugin_utils.windows.smb_configuration import (
    get_configuration,
    set_configuration,
)
from ansible_collections.winops.smb_guest.plugins.plugin_utils.winrm.peer import Peer
from ansible_collections.winops.smb_guest.plugins.plugin_utils.winrm.session import Session
from ansible_collections.winops.smb_guest.plugins.plugin_utils.winrm.transports import CommandResult
from ansible_collections.winops.smb_guest.plugins.plugin_utils.wsman.class_schema import GetClassSchema
from simulated_windows.in_process import InProcessHost

CHANNEL = "Microsoft-Windows-SmbClient/Security"
REJECTED = 31017

KEY = r"SOFTWARE\Made\Up"
CHANGE = r"SOFTWARE\winops\smb_guest\Changes\chg-1"
VALUES: Mapping[str, RegistryValue] = {
    "number": RegistryValue(RegistryType.REG_DWORD, 7),
    "large": RegistryValue(RegistryType.REG_QWORD, 2**63),
    "text": RegistryValue(RegistryType.REG_SZ, "Größe & <Farbe>"),
    "expanded": RegistryValue(RegistryType.REG_EXPAND_SZ, "%SystemRoot%"),
    "lines": RegistryValue(RegistryType.REG_MULTI_SZ, ("a", "", "c")),
    "bytes": RegistryValue(RegistryType.REG_BINARY, b"\x00\xff"),
}
ENTRY = {
    "Before": '{"values": [], "missing_keys": []}',
    "Wanted": "[]",
    "Reason": "why",
    "CreatedAt": "2026-03-02T12:00:00Z",
    "ExpiresAt": "",
    "Controller": "controller",
    "Note": "",
    "Status": "applied",
}
TASK = (
    '<Task xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task"><Actions><Exec><Command>cmd.exe</Command></Exec>'
    "</Actions></Task>"
)
MESSAGE_ID = re.compile(rb"uuid:[0-9A-Fa-f-]{36}")

Talk = Callable[[Session], Any]


def _every_value(session: Session) -> Any:
    return [Registry(session).value(KEY, name) for name in VALUES]


def _events(session: Session) -> Any:
    """By subscription; a replay gives the same page for ever, so there is an end to it."""
    reader = EventReader(session, {CHANNEL: [REJECTED]}, way=Way.SUBSCRIPTION, max_pages=2)
    return [record for batch in reader.batches() for record in batch]


TALKS: Mapping[str, Talk] = {
    "client configuration": lambda session: get_configuration(session, Side.CLIENT),
    "server configuration": lambda session: get_configuration(session, Side.SERVER),
    "set": lambda session: set_configuration(session, Side.CLIENT, {"EnableInsecureGuestLogons": True}),
    "operating system": lambda session: read_operating_system(session, Registry(session)),
    "clock": read_clock,
    "keys": lambda session: Registry(session).subkeys("SOFTWARE"),
    "listing": lambda session: Registry(session).value_types(KEY),
    "dword": lambda session: Registry(session).dword(KEY, "number"),
    "string": lambda session: Registry(session).string(KEY, "text"),
    "absent": lambda session: Registry(session).dword(KEY, "absent"),
    "wrong type": lambda session: Registry(session).value(KEY, "bytes"),
    "values": _every_value,
    "write": lambda session: Registry(session).set_value(KEY, "number", VALUES["number"]),
    "delete": lambda session: Registry(session).delete_value(KEY, "absent"),
    "task": lambda session: register_task(session, "chg-1", TASK),
    "no task": lambda session: task_exists(session, "chg-2"),
    "delete no task": lambda session: delete_task(session, "chg-2"),
    "settings": lambda session: observe(session, Registry(session), dict.fromkeys(SETTINGS.values(), Depth.WHOLE)),
    "journal": lambda session: Journal(Registry(session)).read(),
    "class schema": lambda session: session.call(GetClassSchema("root/default", "StdRegProv")),
    "events": _events,
    "facts": lambda session: verify(session, ()),
}


class Transport:
    """A transport onto a function from bytes to bytes."""

    peer = Peer("http://host.example:5985/wsman", "winrm")
    operation_timeout = 20.0

    def __init__(self, answer: Callable[[bytes], bytes]) -> None:
        self.send = answer

    def reset(self) -> None:
        """There is nothing to forget."""

    def run(self, commands: object) -> list[CommandResult]:
        raise AssertionError("no process")


def _without_id(message: bytes) -> bytes:
    return MESSAGE_ID.sub(b"", message, count=1)


@dataclass(frozen=True)
class Recording:
    """A conversation: its name, and answers by request, in the order of the first run."""

    talk: str
    answers: Mapping[bytes, bytes]

    @classmethod
    def of(cls, talk: str, host: InProcessHost) -> Recording:
        answers: dict[bytes, bytes] = {}

        def answer(message: bytes) -> bytes:
            given = host.answer(message)
            answers.setdefault(_without_id(message), given)
            return given

        TALKS[talk](Session(Transport(answer)))
        return cls(talk, answers)

    def replay(self, damaged: int, damage: Callable[[bytes], bytes]) -> Any:
        """Talk again; the answer with that number is damaged first. What was never asked before gets no answer."""
        broken = list(self.answers)[damaged]

        def answer(message: bytes) -> bytes:
            request = _without_id(message)
            if request not in self.answers:
                raise ConnectionResetError("this was never asked")
            given = self.answers[request]
            found = MESSAGE_ID.search(message)
            relation = b"RelatesTo>" + (found.group() if found else b"")
            given = re.sub(rb"RelatesTo>uuid:[0-9A-Fa-f-]{36}", relation, given, count=1)
            return damage(given) if request == broken else given

        return TALKS[self.talk](Session(Transport(answer)))


def record() -> list[Recording]:
    """All conversations with one host, one after the other."""
    host = InProcessHost("windows_11_24h2_pro", policy={"AllowInsecureGuestAuth": 0})
    for name, value in VALUES.items():
        data = list(value.data) if isinstance(value.data, tuple) else value.data
        host.edit(f"HKLM\\{KEY}", name, data.hex() if isinstance(data, bytes) else data, value.kind.name)
    for name, text in ENTRY.items():
        host.edit(f"HKLM\\{CHANGE}", name, text, "REG_SZ")
    for number in range(5):
        host.log.write(REJECTED, UserName="guest", ServerName=f"nas{number}")
    return [Recording.of(talk, host) for talk in TALKS]
