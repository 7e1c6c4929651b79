# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A change as one line of JSON, and back. Pure. What is read is never trusted.

A setting, a scope, a type or a key that is not in this collection's tables makes a line unusable, and nothing of it
is ever written anywhere.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from ..core.errors import RequestError
from ..core.registry_value import RegistryType, RegistryValue, Stored
from ..core.stack import ChangeStatus
from ..core.text import one_line
from ..core.user_names import option
from ..tables.settings import KEYS, Layer, Side
from .cell import Cell, CellValue
from .journal_size import ROOM, wire_size
from .process import MAX_HOST, ControlNode
from .stack import ChangePart, Entry

MAX_TEXT = 1000
CHANGE_ID = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9_-])?")
# Windows gives these names to devices, with any extension: no key, file or task can be called so reliably.
_DEVICES = re.compile(r"(?:CON|PRN|AUX|NUL|COM[0-9]|LPT[0-9])(?:\..*)?", re.IGNORECASE)


def checked_change_id(change_id: str) -> str:
    if not CHANGE_ID.fullmatch(change_id) or _DEVICES.fullmatch(change_id):
        raise RequestError(
            f"{option('change_id')} {change_id!r} cannot name a change: 1 to 64 letters, digits, '.', '_' and '-', a "
            "letter or digit first, no '.' last, and no name of a device such as CON, NUL or COM1."
        )
    return change_id


def checked_text(named: str, text: str) -> str:
    """One printable line. White space around it goes, spaces of any language become plain ones.

    Args:
        named: what the user calls the option, for errors.
        text: of the task.

    Raises:
        RequestError: the text is empty, too long, or cannot be printed.
    """
    text = "".join(" " if unicodedata.category(each) == "Zs" else each for each in text.strip())
    bad = next((each for each in text if not each.isprintable()), None)
    if bad is not None:
        raise RequestError(
            f"{named} holds U+{ord(bad):04X}, which cannot be printed: it must be one printable line of at most "
            f"{MAX_TEXT} characters."
        )
    if len(text) > MAX_TEXT:
        raise RequestError(f"{named} must be one printable line of at most {MAX_TEXT} characters; it has {len(text)}.")
    if not text:
        raise RequestError(f"{named} is empty. Give a text, or leave it out.")
    return text


def exact(moment: datetime) -> str:
    """ISO 8601 in UTC, to the microsecond."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def encode(entry: Entry) -> str:
    """One printable line, of JSON."""
    fields = {
        "seq": entry.seq,
        "change_id": entry.change_id,
        "status": entry.status.value,
        "reason": entry.reason,
        "created_at": exact(entry.created_at),
        "expires_at": exact(entry.expires_at) if entry.expires_at else None,
        "controller": [entry.controller.host, entry.controller.namespace],
        "lasts": entry.lasts or None,
        "registered_as": entry.registered_as,
        "note": entry.note,
        "made_keys": list(entry.made_keys),
        "left_alone": [[cell.setting.name, cell.scope.value] for cell in entry.left_alone],
        "parts": [_encode_part(part) for part in entry.parts],
    }
    text = json.dumps(
        {name: value for name, value in fields.items() if value not in (None, "", [])}, ensure_ascii=False
    )
    # Letters stay as they are: an escape takes six bytes for each. What XML cannot carry, or breaks a line, is escaped.
    if text.isprintable():  # nearly always, and a full journal is hundreds of thousands of letters at each change
        return text
    return "".join(each if each.isprintable() else json.dumps(each)[1:-1] for each in text)


def standing_line(entry: Entry) -> str:
    """The line of a change that stands. A `pending` one has blanks at its end: as long as it will become."""
    line = encode(entry)
    if entry.status is not ChangeStatus.PENDING:
        return line
    return line + " " * (ROOM + wire_size([encode(_completed(entry))]) - wire_size([line]))


def _completed(entry: Entry) -> Entry:
    """The longest that a pending change becomes without a note."""
    parts = tuple(replace(part, left=part.leaves) for part in entry.parts)
    return replace(entry, status=ChangeStatus.REVERTING, parts=parts, registered_as="0" * 16)


def _encode_part(part: ChangePart) -> dict[str, Any]:
    left = _encode_held(part.left) if part.left else None
    fields = {"found": _encode_held(part.found), "left": left, "over": part.over}
    return {
        "setting": part.cell.setting.name,
        "scope": part.cell.scope.value,
        "wanted": part.wanted,
        **{name: value for name, value in fields.items() if value is not None},
    }


def _encode_held(held: CellValue) -> list[Any]:
    """[type, data, running]; type and data are null where the value is absent."""
    stored = held.stored
    if stored is None:
        return [None, None, held.running]
    if not isinstance(stored.kind, RegistryType):
        raise AssertionError("what could not be restored is never overwritten")
    data = stored.data.hex() if isinstance(stored.data, bytes) else stored.data
    return [stored.kind.name, data, held.running]


def decode(line: str) -> Entry:
    """Raises one of HOSTILE_BYTES."""
    row = json.loads(line)
    host, namespace = row.get("controller", ["", ""])
    return Entry(
        seq=_number(row["seq"]),
        change_id=_change_id(row["change_id"]),
        status=ChangeStatus(row["status"]),
        reason=_shown(row.get("reason", "")),
        created_at=moment(row["created_at"]),
        expires_at=moment(row["expires_at"]) if row.get("expires_at") else None,
        parts=tuple(map(_decode_part, row["parts"])),
        made_keys=made_keys(row.get("made_keys", [])),
        controller=ControlNode(_shown(host)[:MAX_HOST], _shown(namespace)[:MAX_HOST]),
        registered_as=_text(row.get("registered_as", "")),
        lasts=_number(row.get("lasts", 0)),
        note=_shown(row.get("note", "")),
        left_alone=tuple(Cell.named(setting, scope) for setting, scope in row.get("left_alone", [])),
    )


def _decode_part(row: Mapping[str, Any]) -> ChangePart:
    cell = Cell.named(row["setting"], row["scope"])
    left = _decode_held(cell, row["left"]) if row.get("left") else None
    over = _change_id(row["over"]) if row.get("over") else None
    return ChangePart(cell, _decode_held(cell, row["found"]), boolean(row["wanted"]), left, over)


def _decode_held(cell: Cell, row: Sequence[Any]) -> CellValue:
    kind, data, running = row
    return CellValue(stored(kind, data), boolean(running) if cell.is_local else None)


def stored(kind: str | None, data: Any) -> Stored:
    """A registry value by the name of its type; binary data in hexadecimal."""
    if kind is None:
        return None
    of_type = RegistryType[kind]
    if of_type is RegistryType.REG_BINARY:
        return RegistryValue(of_type, bytes.fromhex(data))
    if of_type is RegistryType.REG_MULTI_SZ and isinstance(data, list) and all(isinstance(line, str) for line in data):
        return RegistryValue(of_type, tuple(data))
    if of_type in (RegistryType.REG_SZ, RegistryType.REG_EXPAND_SZ) and isinstance(data, str):
        return RegistryValue(of_type, data)
    bits = {RegistryType.REG_DWORD: 32, RegistryType.REG_QWORD: 64}.get(of_type, 0)
    if isinstance(data, int) and not isinstance(data, bool) and 0 <= data < 2**bits:
        return RegistryValue(of_type, data)
    raise ValueError(f"{of_type.name} cannot hold {str(data)[:40]!r}")


def boolean(value: Any) -> bool | None:
    if value is None or isinstance(value, bool):
        return value
    raise ValueError(f"{str(value)[:40]!r} is no boolean")


def moment(text: str) -> datetime:
    parsed = datetime.fromisoformat(text)
    if parsed.tzinfo is None:
        raise ValueError(f"{text!r} is a time of no place")
    return parsed.astimezone(UTC)


def made_keys(keys: Sequence[Any]) -> tuple[str, ...]:
    """Only a policy key of ours, or a parent of one, can ever be deleted."""
    policy_keys = [KEYS[side][Layer.POLICY] for side in Side]
    for key in keys:
        below = isinstance(key, str) and key.startswith("SOFTWARE\\Policies\\")
        if not below or not any((policy_key + "\\").startswith(key + "\\") for policy_key in policy_keys):
            raise ValueError(f"{str(key)[:80]!r} is no policy key of SMB")
    return tuple(keys)


def _number(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise ValueError(f"{str(value)[:40]!r} is no number")


def _change_id(text: Any) -> str:
    if isinstance(text, str) and CHANGE_ID.fullmatch(text):
        return text
    raise ValueError(f"{str(text)[:80]!r} names no change")


def _text(text: Any) -> str:
    if isinstance(text, str):
        return text
    raise ValueError(f"{str(text)[:40]!r} is no text")


def _shown(text: Any) -> str:
    """What reports and messages quote: whoever may write to the host's registry may have written it."""
    return one_line(_text(text))
