# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Security descriptors: bytes <-> typed, pure (MS-DTYP 2.4.6 self-relative, 2.4.4 ACEs, 2.4.2 SIDs)."""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from uuid import UUID

from .errors import DamagedFile

ALLOWED, DENIED, ALLOWED_OBJECT, DENIED_OBJECT = 0, 1, 5, 6
OBJECT_INHERIT, CONTAINER_INHERIT, INHERIT_ONLY, INHERITED = 1, 2, 8, 16
_HAS_OBJECT, _HAS_INHERITED = 1, 2
SELF_RELATIVE, DACL_PRESENT = 0x8000, 0x0004
DACL_AUTO_INHERITED, DACL_PROTECTED = 0x0400, 0x1000
_HEADER = struct.Struct("<BBHIIII")
_ACL = struct.Struct("<BBHHH")
ACL_REVISION, ACL_REVISION_DS = 2, 4


@dataclass(frozen=True)
class Ace:
    """One entry of an ACL.

    Attributes:
        sid: The trustee.
        object_type: The extended right or class that it is about, lower case GUID.
        rest: What follows the SID, and for a type that is not known the whole body; kept as it is.
    """

    type: int
    flags: int
    mask: int
    sid: str
    object_type: str | None = None
    inherited_type: str | None = None
    rest: bytes = b""

    @property
    def allows(self) -> bool:
        return self.type in (ALLOWED, ALLOWED_OBJECT)

    @property
    def denies(self) -> bool:
        return self.type in (DENIED, DENIED_OBJECT)

    @property
    def applies_here(self) -> bool:
        """Whether it counts for the object itself, not only for what inherits from it."""
        return not self.flags & INHERIT_ONLY


@dataclass(frozen=True)
class SecurityDescriptor:
    """Owner, group and DACL; a SACL is not kept. control: the control bits."""

    owner: str | None
    group: str | None
    dacl: tuple[Ace, ...] | None
    control: int = SELF_RELATIVE | DACL_PRESENT

    @classmethod
    def parse(cls, data: bytes) -> SecurityDescriptor:
        """Raises DamagedFile for bytes that are no security descriptor."""
        try:
            _revision, _zero, control, owner, group, _sacl, dacl = _HEADER.unpack_from(data)
            return cls(
                _sid(data, owner)[0] if owner else None,
                _sid(data, group)[0] if group else None,
                _aces(data, dacl) if control & DACL_PRESENT and dacl else None,
                control,
            )
        except (struct.error, IndexError, ValueError) as error:
            raise DamagedFile("value", "A security descriptor cannot be read") from error

    def to_bytes(self) -> bytes:
        body = b""
        offsets = []
        for sid in (self.owner, self.group):
            offsets.append(_HEADER.size + len(body) if sid else 0)
            body += sid_bytes(sid) if sid else b""
        dacl = 0
        if self.dacl is not None:
            dacl = _HEADER.size + len(body)
            body += _acl_bytes(self.dacl)
        control = self.control | SELF_RELATIVE | (DACL_PRESENT if self.dacl is not None else 0)
        return _HEADER.pack(1, 0, control & ~0x0010, offsets[0], offsets[1], 0, dacl) + body

    def with_dacl(self, dacl: tuple[Ace, ...]) -> SecurityDescriptor:
        return replace(self, dacl=dacl)


def sid_text(data: bytes) -> str:
    """`S-1-5-...` of a SID's bytes. Raises DamagedFile."""
    try:
        return _sid(data, 0)[0]
    except (struct.error, IndexError) as error:
        raise DamagedFile("value", "A SID cannot be read") from error


def sid_bytes(text: str) -> bytes:
    revision, authority, *parts = (int(part) for part in text.split("-")[1:])
    return bytes([revision, len(parts)]) + authority.to_bytes(6, "big") + struct.pack(f"<{len(parts)}I", *parts)


def _sid(data: bytes, at: int) -> tuple[str, int]:
    """The SID at an offset, and where it ends."""
    revision, count = data[at], data[at + 1]
    authority = int.from_bytes(data[at + 2 : at + 8], "big")
    parts = struct.unpack_from(f"<{count}I", data, at + 8)
    return "-".join(["S", str(revision), str(authority), *map(str, parts)]), at + 8 + 4 * count


def _aces(data: bytes, at: int) -> tuple[Ace, ...]:
    _revision, _zero, _size, count, _zero2 = _ACL.unpack_from(data, at)
    at += _ACL.size
    aces = []
    for _index in range(count):
        kind, flags, size = struct.unpack_from("<BBH", data, at)
        if size < 4 or at + size > len(data):
            raise ValueError("an ACE of no usable length")
        aces.append(_ace(kind, flags, data[at + 4 : at + size]))
        at += size
    return tuple(aces)


def _ace(kind: int, flags: int, body: bytes) -> Ace:
    if kind not in (ALLOWED, DENIED, ALLOWED_OBJECT, DENIED_OBJECT):
        return Ace(kind, flags, 0, "", rest=body)
    (mask,) = struct.unpack_from("<I", body)
    at = 4
    types: list[str | None] = [None, None]
    if kind in (ALLOWED_OBJECT, DENIED_OBJECT):
        (present,) = struct.unpack_from("<I", body, at)
        at += 4
        for index, bit in enumerate((_HAS_OBJECT, _HAS_INHERITED)):
            if present & bit:
                types[index] = str(UUID(bytes_le=body[at : at + 16]))
                at += 16
    sid, end = _sid(body, at)
    return Ace(kind, flags, mask, sid, types[0], types[1], body[end:])


def _acl_bytes(aces: tuple[Ace, ...]) -> bytes:
    body = b"".join(map(_ace_bytes, aces))
    has_objects = any(ace.type in (ALLOWED_OBJECT, DENIED_OBJECT) for ace in aces)
    revision = ACL_REVISION_DS if has_objects else ACL_REVISION
    return _ACL.pack(revision, 0, _ACL.size + len(body), len(aces), 0) + body


def _ace_bytes(ace: Ace) -> bytes:
    if ace.type not in (ALLOWED, DENIED, ALLOWED_OBJECT, DENIED_OBJECT):
        body = ace.rest
    else:
        body = struct.pack("<I", ace.mask)
        if ace.type in (ALLOWED_OBJECT, DENIED_OBJECT):
            types = [(ace.object_type, _HAS_OBJECT), (ace.inherited_type, _HAS_INHERITED)]
            body += struct.pack("<I", sum(bit for guid, bit in types if guid))
            body += b"".join(UUID(guid).bytes_le for guid, _bit in types if guid)
        body += sid_bytes(ace.sid) + ace.rest
    return struct.pack("<BBH", ace.type, ace.flags, 4 + len(body)) + body
