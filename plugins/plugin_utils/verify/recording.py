# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The messages of a conversation, kept for a test: every name and address of a host replaced.

A folder holds `conversation.json` (request and answer, command and output, in their order) and `facts.json` (what was
seen). What makes a message unique is struck out of it, so that the same question finds its answer again.
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..winrm.transports import CommandResult, Transport

FORMAT = 1
MESSAGE_ID = "uuid:00000000-0000-0000-0000-000000000000"
"""Stands for the id of every message."""

_ID = re.compile(rb"<a:MessageID>(.*?)</a:MessageID>")
_OF_THE_CONNECTION = re.compile(r"<a:To>.*?</a:To>|<w:OperationTimeout>.*?</w:OperationTimeout>")
_MACHINE = re.compile(r'Machine="[^"]*"')
_DOMAIN_SID = re.compile(r"S-1-5-21-\d+-\d+-\d+")
_IPV4 = re.compile(r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.])")
_IPV6 = re.compile(r"(?<![\w:.])[0-9A-Fa-f:]{3,39}(?![\w:.])")


class Recorder:
    """A transport that keeps what goes over it."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self.peer = transport.peer
        self.operation_timeout = transport.operation_timeout
        self.exchanges: list[dict[str, Any]] = []

    @property
    def last_answer(self) -> bytes:
        """Of the latest message."""
        return next((each["answer"] for each in reversed(self.exchanges) if "answer" in each), b"")

    def send(self, message: bytes) -> bytes:
        answer = self._transport.send(message)
        self.peer = self._transport.peer  # it may have gone over to another transport
        self.exchanges.append({"request": message, "answer": answer})
        return answer

    def reset(self) -> None:
        self._transport.reset()

    def run(self, commands: Sequence[Sequence[str]]) -> list[CommandResult]:
        results = self._transport.run(commands)
        for command, result in zip(commands, results, strict=True):
            self.exchanges.append({"command": list(command), **vars(result)})
        return results

    def put_file(self, content: bytes, path: str) -> None:
        self._transport.put_file(content, path)

    def fetch_file(self, path: str) -> bytes:
        return self._transport.fetch_file(path)


def question(message: bytes) -> str:
    """A request without what makes it unique, and what only the connection decides."""
    return _OF_THE_CONNECTION.sub("", _ID.sub(b"", message).decode())


def message_id(message: bytes) -> str:
    found = _ID.search(message)
    return found[1].decode() if found else ""


def anonymous(text: str, names: Mapping[str, str]) -> str:
    """The text without addresses, SIDs of a domain, and the names given (name to what stands for it)."""
    # Longest first: a short name may be a part of a long one.
    for name in sorted(names, key=len, reverse=True):
        word = rf"(?<![^\W_]){re.escape(name)}(?![^\W_])"
        text = re.sub(word, names[name], text, flags=re.IGNORECASE)
    text = _MACHINE.sub('Machine="HOST"', text)
    text = _DOMAIN_SID.sub("S-1-5-21-0-0-0", text)
    return _IPV6.sub(_address, _IPV4.sub(_address, text))


def _address(found: re.Match[str]) -> str:
    try:
        version = ipaddress.ip_address(found[0]).version
    except ValueError:
        return found[0]
    return "192.0.2.1" if version == 4 else "2001:db8::1"


def write_recording(
    folder: Path,
    exchanges: Iterable[Mapping[str, Any]],
    rows: Iterable[Mapping[str, Any]],
    consent: Iterable[str],
    names: Mapping[str, str],
) -> None:
    """Write the folder. Raises OSError."""
    kept = []
    for each in exchanges:
        if "request" in each:
            unique = message_id(each["request"])
            answer = re.sub(re.escape(unique), MESSAGE_ID, each["answer"].decode(errors="replace"), flags=re.IGNORECASE)
            kept.append({"request": anonymous(question(each["request"]), names), "answer": anonymous(answer, names)})
        else:
            kept.append({key: _anonymous_value(value, names) for key, value in each.items()})
    seen = [
        {key: anonymous(row[key], names) if key == "seen" else row[key] for key in ("fact", "subject", "seen")}
        | {"as_expected": row["as_expected"]}
        for row in rows
    ]
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / "conversation.json", {"format": FORMAT, "exchanges": kept})
    _write(folder / "facts.json", {"format": FORMAT, "consent": sorted(consent), "facts": seen})


def _anonymous_value(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, list):
        return [anonymous(each, names) for each in value]
    return anonymous(value, names) if isinstance(value, str) else value


def _write(path: Path, document: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
