"""Answers of an SMB server to the probe that are damaged anywhere: each ends in a verdict, and never in an error."""

from __future__ import annotations

import asyncio
import json
import random
from typing import Any

import pytest
from damage import CHUNK

from ansible_collections.winops.smb_guest.plugins.plugin_utils.probe.logon import LogonAccount
from ansible_collections.winops.smb_guest.plugins.plugin_utils.probe.peer import Conversation, Failure
from ansible_collections.winops.smb_guest.plugins.plugin_utils.probe.servers import Report, Target, probe
from ansible_collections.winops.smb_guest.tests.unit.plugins.plugin_utils.probe.peers import RECORDED, Replayed

ACCOUNT = LogonAccount("AD\\admin", "amber-Falcon-7731")
SHARE = 10
"""One answer of ten: each costs seven conversations."""
MAX_TEXT = 1500
PIECES = (
    *(b"\0", b"\xff", b"\0" * 8, b"\xff" * 8, b"NTLMSSP\0", b"NTLMSSP\0\2\0\0\0", b"\xfeSMB", b"\xffSMB", b"\x60\x84"),
    *(b"\x16\0\0\xc0", b"\x03\x01\0\0", b"\xed\xa0\x80", b"\x1b[31m", b"\x30\x80", b"\xa1\x84\xff\xff\xff\xff"),
)


def damaged(chance: random.Random, data: bytes) -> bytes:
    """One to three damages; the frame around it is right, as TCP would bring it."""
    for _each in range(chance.choice((1, 1, 2, 3))):
        at = chance.randrange(len(data) + 1)
        end = min(len(data), at + chance.choice((0, 1, 2, 4, 16, 64)))
        part = chance.choice((b"", chance.choice(PIECES), data[at:end] * 2, bytes([chance.randrange(256)])))
        data = data[:at] + part + (data[end:] if chance.random() < 0.9 else b"")
    return data


class Damaging:
    """A network of one server that is damaged at one answer, whichever it comes to."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._conversations = [list(answers) for answers in RECORDED[chance.choice(sorted(RECORDED))]]
        whole = self._conversations
        whole += [list(whole[0])] * 2  # a real account, which is asked last
        talk = chance.choice([number for number, answers in enumerate(whole) if any(map(is_answer, answers))])
        whole[talk] = list(whole[talk])
        struck = chance.choice([number for number, answer in enumerate(whole[talk]) if is_answer(answer)])
        whole[talk][struck] = damaged(chance, bytes.fromhex(whole[talk][struck])).hex()
        self._next = iter(whole)

    async def dial(self, _host: str, _port: int) -> Conversation:
        return Replayed(next(self._next, [Failure.CLOSED.name]))


def is_answer(text: str) -> bool:
    return text not in Failure.__members__


def probed(chance: random.Random) -> Report:
    (report,) = asyncio.run(probe([Target("nas", "nas", 445)], 5.0, ACCOUNT, 1, Damaging(chance).dial))
    return report


def texts(value: Any) -> list[str]:
    rows = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [value] if isinstance(value, str) else [text for row in rows for text in texts(row)]


def test_damaged_answers_to_the_probe(chunk: int, seed: int) -> None:
    verdicts = set()
    for number in range(chunk * CHUNK, (chunk + 1) * CHUNK, SHARE):
        where = f"seed {seed}, number {number}"
        try:
            report = probed(random.Random(seed * 1_000_003 + number))
            row = report.as_dict()
        except Exception as error:  # noqa: BLE001  (which one is what the test looks for)
            pytest.fail(f"{error!r} ({where})")
        verdicts.add(report.verdict.name)
        wrong = [text for text in texts(row) if not text.isprintable() or len(text) > MAX_TEXT]
        assert wrong == [], where
        json.dumps(row).encode()
        assert ACCOUNT.password not in str(row)
    assert len(verdicts) > 1
