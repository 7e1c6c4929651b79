"""Every recorded conversation, asked again, tells the facts that were seen when it was recorded."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from in_process import ENDPOINT, session

from ansible_collections.winops.smb_guest.plugins.plugin_utils.tables.facts import Consent
from ansible_collections.winops.smb_guest.plugins.plugin_utils.verify import recording
from ansible_collections.winops.smb_guest.plugins.plugin_utils.verify.engine import Verified, verify
from ansible_collections.winops.smb_guest.plugins.plugin_utils.winrm.peer import Peer
from ansible_collections.winops.smb_guest.plugins.plugin_utils.winrm.session import Session
from ansible_collections.winops.smb_guest.plugins.plugin_utils.winrm.transports import CommandResult
from simulated_windows.in_process import InProcessHost

HERE = Path(__file__).resolve().parent
RECORDED = sorted(path.parent for path in HERE.glob("*/conversation.json"))


class Replay:
    """A Transport that answers from a recording: the same question again gets the next answer that it got."""

    peer = Peer(ENDPOINT, "winrm")
    operation_timeout = 20.0

    def __init__(self, folder: Path) -> None:
        document = json.loads((folder / "conversation.json").read_text(encoding="utf-8"))
        assert document["format"] == recording.FORMAT
        self._left: list[dict[str, Any]] = document["exchanges"]

    def _take(self, key: str, asked: Any) -> dict[str, Any]:
        found = next((each for each in self._left if each.get(key) == asked), None)
        assert found is not None, f"the recording has no answer to {asked}"
        self._left.remove(found)
        return found

    def send(self, message: bytes) -> bytes:
        answer: str = self._take("request", recording.question(message))["answer"]
        return answer.replace(recording.MESSAGE_ID, recording.message_id(message)).encode()

    def reset(self) -> None:
        """There is no connection to forget."""

    def run(self, commands: Sequence[Sequence[str]]) -> list[CommandResult]:
        rows = [self._take("command", list(command)) for command in commands]
        return [CommandResult(row["exit_code"], row["stdout"], row["stderr"]) for row in rows]

    def put_file(self, content: bytes, path: str) -> None:
        raise AssertionError("the kit moves no file")

    def fetch_file(self, path: str) -> bytes:
        raise AssertionError("the kit moves no file")


NAMES = {"nas-admin-7": "USER", "corp.example": "DOMAIN"}


def record(folder: Path, **spec: Any) -> Verified:
    host = InProcessHost(**spec)

    def wait(seconds: float) -> None:
        host.advance(seconds)
        host.run_due_tasks()

    verified = verify(session(host), set(Consent), wait)
    rows = [row.as_dict() for row in verified.rows]
    recording.write_recording(folder, verified.exchanges, rows, Consent, {**verified.names, **NAMES})
    return verified


def assert_same_facts(folder: Path) -> None:
    known = json.loads((folder / "facts.json").read_text(encoding="utf-8"))
    verified = verify(Session(Replay(folder)), {Consent(word) for word in known["consent"]}, lambda _seconds: None)
    seen = [
        {"fact": row.fact.id, "subject": row.subject, "seen": row.seen, "as_expected": row.as_expected}
        for row in verified.rows
    ]
    assert seen == known["facts"]
    assert verified.not_restored == ()


@pytest.mark.parametrize("quirks", [{}, {"omi_style": True, "registry_absent_codes": [2, 2], "rsop": "denied"}])
def test_a_simulated_host_recorded_and_asked_again(tmp_path: Path, quirks: dict[str, Any]) -> None:
    record(tmp_path, quirks=quirks)
    assert_same_facts(tmp_path)


def test_every_folder_here() -> None:
    for folder in RECORDED:
        assert_same_facts(folder)


def test_names_and_addresses_are_replaced(tmp_path: Path) -> None:
    verified = record(tmp_path, part_of_domain=True, domain="corp.example", quirks={"rsop": "denied"})
    computer = next(name for name, word in verified.names.items() if word == "HOST")
    for file in tmp_path.iterdir():
        text = file.read_text(encoding="utf-8").lower()
        assert computer.lower() not in text
        assert "corp.example" not in text


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("from 10.1.2.3 and fe80::1:2", "from 192.0.2.1 and 2001:db8::1"),
        ("10.0.26100 at 2026-03-02T12:00:00Z", "10.0.26100 at 2026-03-02T12:00:00Z"),
        (r"S-1-5-21-1-22-333-500 and S-1-5-32-544", r"S-1-5-21-0-0-0-500 and S-1-5-32-544"),
        (r"CORP\WS1 is WS1.corp, not WS11", r"DOMAIN\HOST is HOST.DOMAIN, not WS11"),
        ('<f:WSManFault Code="5" Machine="WS9.corp.example">', '<f:WSManFault Code="5" Machine="HOST">'),
    ],
)
def test_what_stands_for_a_name(text: str, kept: str) -> None:
    assert recording.anonymous(text, {"ws1": "HOST", "corp": "DOMAIN"}) == kept
