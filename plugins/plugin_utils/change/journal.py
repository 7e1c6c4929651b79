# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The journal of changes on the host: what was there before, so that every change can be undone by anybody, later.

One key per change below `CHANGES`, written before the first write and never trusted when read: a name, a type or a
text that this collection would not have written makes the entry unusable, and nothing of it is ever executed.
`Pending` beside it names the change under way, so that one read tells whether the last run was cut off.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import Enum
from typing import Any

from ..errors import HostError, RequestError
from ..tables.settings import KEYS, SETTINGS, Layer, Side
from ..windows.registry import Registry, RegistryType, RegistryValue, WrongType
from .plan import SCOPES, Change
from .snapshot import Held, Snapshot

ROOT = r"SOFTWARE\winops\smb_guest"
CHANGES = ROOT + r"\Changes"
PENDING = "Pending"

CHANGE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
MAX_TEXT = 1000


class Status(Enum):
    """Where a change stands."""

    PENDING = "pending"
    APPLIED = "applied"
    REVERTED = "reverted"
    ROLLED_BACK = "rolled_back"
    FAILED = "failed"


@dataclass(frozen=True)
class Entry:
    """One change. Times are aware and by the host's clock. note: why it ended as it did. controller: who made it."""

    change_id: str
    status: Status
    reason: str
    created_at: datetime
    expires_at: datetime | None
    before: Snapshot
    wanted: tuple[Change, ...]
    controller: str = ""
    note: str = ""

    @property
    def revertible(self) -> bool:
        return self.status in (Status.PENDING, Status.APPLIED, Status.FAILED)

    def as_dict(self) -> dict[str, Any]:
        return {
            "change_id": self.change_id,
            "status": self.status.value,
            "reason": self.reason,
            "created_at": _exact(self.created_at),
            "expires_at": stamp(self.expires_at) if self.expires_at else None,
            "controller": self.controller,
            "note": self.note,
            "changes": [change.as_dict() for change in self.wanted],
        }


class DamagedEntry(HostError):
    """A journal entry that this collection did not write like this."""


def stamp(moment: datetime) -> str:
    """ISO 8601 in UTC, to the second."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _exact(moment: datetime) -> str:
    """The same to the microsecond: what orders changes of one second."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def checked_change_id(change_id: str) -> str:
    if not CHANGE_ID.fullmatch(change_id):
        raise RequestError(
            f"change_id {change_id!r} cannot name a change: 1 to 64 letters, digits, '.', '_' and '-', and a letter or "
            "digit first. Nothing was written."
        )
    return change_id


def checked_text(option: str, text: str) -> str:
    if len(text) > MAX_TEXT or not text.isprintable():
        raise RequestError(
            f"{option} must be one printable line of at most {MAX_TEXT} characters. Nothing was written."
        )
    return text


class Journal:
    """Reads and writes of the journal of one host."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def change_ids(self) -> tuple[str, ...]:
        """Every change that the host remembers. One request."""
        return self._registry.subkeys(CHANGES)

    def entries(self) -> tuple[list[Entry], list[str]]:
        """Every complete entry, oldest first, and a sentence for each that is damaged."""
        entries, damaged = [], []
        for change_id in self.change_ids():
            try:
                entry = self.read(change_id)
            except (DamagedEntry, RequestError) as error:
                damaged.append(str(error))
            else:
                entries += [entry] if entry else []
        return sorted(entries, key=lambda entry: (entry.created_at, entry.change_id)), damaged

    def pending(self) -> str | None:
        """The change under way, or cut off. One request."""
        change_id = self._registry.string(ROOT, PENDING)
        if change_id is not None and not CHANGE_ID.fullmatch(change_id):
            raise DamagedEntry(f"HKLM\\{ROOT}\\{PENDING} holds no change_id. Look at it, and delete the value.")
        return change_id

    def begin(self, entry: Entry) -> None:
        """Write an entry as pending; its status comes last, so that an entry without one never led to a write."""
        self._registry.set_value(ROOT, PENDING, _text(entry.change_id))
        for name, value in _values(entry).items():
            self._registry.set_value(_key(entry.change_id), name, value)
        self._registry.set_value(_key(entry.change_id), "Status", _text(Status.PENDING.value))

    def finish(self, entry: Entry, status: Status, note: str = "") -> Entry:
        """Say how a change ended."""
        note = " ".join(note.split())[:MAX_TEXT]
        if note:
            self._registry.set_value(_key(entry.change_id), "Note", _text(note))
        self._registry.set_value(_key(entry.change_id), "Status", _text(status.value))
        return replace(entry, status=status, note=note)

    def nothing_pending(self) -> None:
        self._registry.delete_value(ROOT, PENDING)

    def forget(self, change_id: str) -> None:
        """Remove an entry that never led to a write."""
        self._registry.delete_key(_key(change_id))

    def read(self, change_id: str) -> Entry | None:
        """An entry; None where it is absent, or was cut off before it was complete. Raises DamagedEntry."""
        key = _key(checked_change_id(change_id))
        try:
            texts = {name: self._registry.string(key, name) for name in ("Status", *_TEXTS)}
        except WrongType as wrong:
            raise DamagedEntry(f"HKLM\\{key} is no journal entry: {wrong}") from None
        if texts["Status"] is None:
            return None
        try:
            return _entry(change_id, {name: text or "" for name, text in texts.items()})
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
            raise DamagedEntry(
                f"HKLM\\{key} is damaged, or was not written by this collection ({error}). Nothing of it is used."
            ) from error


_TEXTS = ("Before", "Wanted", "Reason", "CreatedAt", "ExpiresAt", "Controller", "Note")


def _key(change_id: str) -> str:
    return f"{CHANGES}\\{change_id}"


def _text(text: str) -> RegistryValue:
    return RegistryValue(RegistryType.REG_SZ, text)


def _values(entry: Entry) -> dict[str, RegistryValue]:
    before = {
        "values": [_held_as_json(item) for item in entry.before.held],
        "missing_keys": list(entry.before.missing_keys),
    }
    wanted = [{"setting": c.setting.name, "scope": c.layer.value, "value": c.after} for c in entry.wanted]
    texts = {
        "Before": json.dumps(before),
        "Wanted": json.dumps(wanted),
        "Reason": entry.reason,
        "CreatedAt": _exact(entry.created_at),
        "ExpiresAt": stamp(entry.expires_at) if entry.expires_at else "",
        "Controller": entry.controller,
    }
    return {name: _text(text) for name, text in texts.items()}


def _held_as_json(item: Held) -> dict[str, Any]:
    value = item.value
    data = value.data.hex() if value and isinstance(value.data, bytes) else value.data if value else None
    return {
        "setting": item.setting.name,
        "scope": item.layer.value,
        "type": value.kind.name if value else None,
        "data": data,
        "running": item.running,
    }


def _entry(change_id: str, texts: Mapping[str, str]) -> Entry:
    before = json.loads(texts["Before"])
    held = tuple(map(_held, before["values"]))
    return Entry(
        change_id=change_id,
        status=Status(texts["Status"]),
        reason=texts["Reason"],
        created_at=_moment(texts["CreatedAt"]),
        expires_at=_moment(texts["ExpiresAt"]) if texts["ExpiresAt"] else None,
        before=Snapshot(held, _missing_keys(before["missing_keys"])),
        wanted=tuple(_wanted(row, held) for row in json.loads(texts["Wanted"])),
        controller=texts["Controller"],
        note=texts["Note"],
    )


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} is a time of no place")
    return moment.astimezone(UTC)


def _held(row: Mapping[str, Any]) -> Held:
    setting, layer = SETTINGS[row["setting"]], _layer(row)
    value = None if row["type"] is None else _value(RegistryType[row["type"]], row["data"])
    return Held(setting, layer, value, _boolean(row["running"]))


def _value(kind: RegistryType, data: Any) -> RegistryValue:
    if kind is RegistryType.REG_BINARY:
        return RegistryValue(kind, bytes.fromhex(data))
    if kind is RegistryType.REG_MULTI_SZ and isinstance(data, list) and all(isinstance(line, str) for line in data):
        return RegistryValue(kind, tuple(data))
    if kind in (RegistryType.REG_SZ, RegistryType.REG_EXPAND_SZ) and isinstance(data, str):
        return RegistryValue(kind, data)
    bits = {RegistryType.REG_DWORD: 32, RegistryType.REG_QWORD: 64}.get(kind, 0)
    if isinstance(data, int) and not isinstance(data, bool) and 0 <= data < 2**bits:
        return RegistryValue(kind, data)
    raise ValueError(f"{kind.name} cannot hold {str(data)[:40]!r}")


def _wanted(row: Mapping[str, Any], held: Sequence[Held]) -> Change:
    setting, layer = SETTINGS[row["setting"]], _layer(row)
    (found,) = [item for item in held if (item.setting, item.layer) == (setting, layer)]
    data = found.value.data if found.value else None
    return Change(setting, layer, bool(data) if isinstance(data, int) else None, _boolean(row["value"]))


def _layer(row: Mapping[str, Any]) -> Layer:
    layer = Layer(row["scope"])
    if layer not in SCOPES or not SETTINGS[row["setting"]].has(layer):
        raise ValueError(f"{row['setting']} has no scope {row['scope']}")
    return layer


def _boolean(value: Any) -> bool | None:
    if value is None or isinstance(value, bool):
        return value
    raise ValueError(f"{value!r} is no boolean")


def _missing_keys(keys: Sequence[Any]) -> tuple[str, ...]:
    """Only a policy key of ours, or a parent of one, can ever be deleted."""
    policy_keys = [KEYS[side][Layer.POLICY] for side in Side]
    for key in keys:
        below = isinstance(key, str) and key.startswith("SOFTWARE\\Policies\\")
        if not below or not any((policy_key + "\\").startswith(key + "\\") for policy_key in policy_keys):
            raise ValueError(f"{key!r} is no policy key of SMB")
    return tuple(keys)
