# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Registry.pol: the registry values that a Group Policy Object brings, as instructions in an order that matters.

The format is MS-GPREG 2.2.1: a signature, a version, then `[key;value;type;size;data]` in UTF-16LE. What an instruction
does is MS-GPREG 3.2.5.1.2: most set a value, some special names delete values or keys, and they are carried out from
the first to the last, so that the last one decides.

Reading keeps every instruction, known or not, with its place. A file is either read whole or refused: each accepted
file is written back as the same bytes.

How one value is edited: the instructions that are *about* it name exactly this value (`NAME`, `**del.NAME`,
`**soft.NAME`). `set` replaces them by one; `write_back` replaces them by those remembered, at their old places, so that
`write_back` after `set` gives the old file. Instructions for a whole key (`**delvals.` and its kin) are somebody else's
and stay; an instruction that has to survive one goes behind it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from .errors import CannotBeWritten, DamagedFile, shorten

MAX_BYTES = 64 * 1024 * 1024
HEADER = b"PReg\x01\x00\x00\x00"
_SIGNATURE = HEADER[:4]

REG_SZ = 1
REG_DWORD = 4
MAX_DATA = 0xFFFF
MAX_NAME = 259

_OPEN, _CLOSE, _BETWEEN = (mark.encode("utf-16-le") for mark in "[];")
_NUL = b"\0\0"
# Windows names may hold lone surrogates: they must survive reading and writing.
_TEXT = ("utf-16-le", "surrogatepass")

_DELETE, _SOFT = "**del.", "**soft."
_DELETE_ALL, _DELETE_LISTED, _DELETE_KEYS = "**delvals.", "**deletevalues", "**deletekeys"

Action = Literal["set", "delete", "create"]
"""What an instruction does to a value. `create`: sets it only where there is none (`**soft.`)."""


@dataclass(frozen=True)
class RegistryPolEntry:
    """One instruction.

    Attributes:
        key: Without the hive.
        name: Of the value, or a special name.
        data: As it stands in the file.
    """

    key: str
    name: str
    type: int
    data: bytes

    @classmethod
    def dword(cls, key: str, name: str, number: int) -> RegistryPolEntry:
        """The instruction that sets a REG_DWORD, as an enabled (1) or disabled (0) policy does."""
        if not 0 <= number <= 0xFFFFFFFF:
            raise CannotBeWritten(f"{number} is no 32-bit number")
        return cls(key, name, REG_DWORD, struct.pack("<I", number))

    @property
    def number(self) -> int | None:
        """The REG_DWORD; None for another type or another size of data."""
        if self.type != REG_DWORD or len(self.data) != 4:
            return None
        return int.from_bytes(self.data, "little")

    def is_about(self, key: str, name: str) -> bool:
        """Whether the instruction names exactly this value: sets, deletes or softly creates it."""
        return _same(self.key, key) and any(_same(self.name, prefix + name) for prefix in ("", _DELETE, _SOFT))

    def action_on(self, key: str, name: str) -> Action | None:
        """What the instruction does to a value; None if it does not touch it."""
        if _same(self.name, _DELETE_KEYS):
            return "delete" if any(_is_at_or_below(key, f"{self.key}\\{child}") for child in self._listed()) else None
        if not _same(self.key, key):
            return None
        if _same(self.name, _DELETE_ALL) or _same(self.name, _DELETE + name):
            return "delete"
        if _same(self.name, _DELETE_LISTED):
            return "delete" if any(_same(listed, name) for listed in self._listed()) else None
        if _same(self.name, _SOFT + name):
            return "create"
        return "set" if _same(self.name, name) else None

    def _listed(self) -> list[str]:
        """The names in the data of `**DeleteValues` and `**DeleteKeys`: text, separated by semicolons."""
        if self.type != REG_SZ or len(self.data) % 2:
            return []
        return [name for name in self.data.decode(*_TEXT).partition("\0")[0].split(";") if name]


class Placed(NamedTuple):
    """An instruction and its place in the file, counted from 0."""

    place: int
    entry: RegistryPolEntry


class Effect(NamedTuple):
    """What a file does to a value in the end, and the instruction that decides it."""

    action: Action
    entry: RegistryPolEntry


@dataclass(frozen=True)
class RegistryPol:
    """A Registry.pol. Immutable: every edit gives a new one."""

    entries: tuple[RegistryPolEntry, ...] = ()

    @classmethod
    def parse(cls, content: bytes) -> RegistryPol:
        """Read a whole file. Raises DamagedFile for anything that is not one."""
        return cls(tuple(_Reader(content)))

    def to_bytes(self) -> bytes:
        """The file. Of a file that was read, the bytes that were read."""
        return HEADER + b"".join(map(_encode, self.entries))

    def about(self, key: str, name: str) -> tuple[Placed, ...]:
        """The instructions that name exactly this value, with their places: what `write_back` needs."""
        return tuple(Placed(place, entry) for place, entry in enumerate(self.entries) if entry.is_about(key, name))

    def effect(self, key: str, name: str) -> Effect | None:
        """What applying the file does to a value in the end; None if it says nothing about it ("not configured")."""
        effect = None
        for entry in self.entries:
            action = entry.action_on(key, name)
            if action and not (action == "create" and effect and effect.action != "delete"):
                effect = Effect(action, entry)
        return effect

    def set(self, entry: RegistryPolEntry) -> RegistryPol:
        """Let this instruction decide on its value, and be the only one about it. The rest stays as it is.

        It takes the place of the last one about the value, or goes to the end. Raises CannotBeWritten.
        """
        _check(entry)
        old = self.about(entry.key, entry.name)
        place = old[-1].place if old else len(self.entries)
        if any(later.action_on(entry.key, entry.name) for later in self.entries[place + 1 :]):
            place = len(self.entries)
        gone = {placed.place for placed in old}
        entries = [kept for at, kept in enumerate(self.entries) if at not in gone]
        entries.insert(place - sum(at < place for at in gone), entry)
        return RegistryPol(tuple(entries))

    def write_back(self, key: str, name: str, remembered: Sequence[Placed] = ()) -> RegistryPol:
        """Replace what is about a value by what was remembered of it; nothing remembered: "not configured".

        After `set` alone, the old file. A place beyond the end of a file that became shorter is its end.
        Raises CannotBeWritten if what was remembered is about another value.
        """
        entries = [entry for entry in self.entries if not entry.is_about(key, name)]
        for place, entry in sorted(remembered, key=lambda placed: placed.place):
            if not entry.is_about(key, name):
                raise CannotBeWritten(f"the instruction {shorten(entry.name)} is not about {shorten(name)}")
            entries.insert(place, entry)
        return RegistryPol(tuple(entries))


class _Reader(Iterable[RegistryPolEntry]):
    """Reads instructions one after the other; refuses the first thing that is not as it should be."""

    def __init__(self, content: bytes) -> None:
        if len(content) > MAX_BYTES:
            raise DamagedFile("too_large", f"Registry.pol is larger than {MAX_BYTES} bytes")
        if content[: len(_SIGNATURE)] != _SIGNATURE:
            raise DamagedFile("signature", "Registry.pol does not begin with the signature PReg")
        if content[: len(HEADER)] != HEADER:
            raise DamagedFile("version", "Registry.pol has a version other than 1")
        self._content = content
        self._at = len(HEADER)

    def __iter__(self) -> Iterator[RegistryPolEntry]:
        while self._at < len(self._content):
            self._expect(_OPEN)
            key = self._text()
            self._expect(_BETWEEN)
            name = self._text()
            self._expect(_BETWEEN)
            type_ = self._number()
            self._expect(_BETWEEN)
            size = self._number()
            self._expect(_BETWEEN)
            data = self._take(size)
            self._expect(_CLOSE)
            yield RegistryPolEntry(key, name, type_, data)

    def _take(self, size: int) -> bytes:
        taken = self._content[self._at : self._at + size]
        if len(taken) < size:
            raise DamagedFile("truncated", f"Registry.pol ends in the middle of an entry, {self._where()}")
        self._at += size
        return taken

    def _expect(self, mark: bytes) -> None:
        found = self._take(len(mark))
        if found != mark:
            self._at -= len(mark)
            raise DamagedFile("delimiter", f"Registry.pol has no {mark.decode('utf-16-le')} {self._where()}")

    def _number(self) -> int:
        return int.from_bytes(self._take(4), "little")

    def _text(self) -> str:
        end = self._at
        while (end := self._content.find(_NUL, end)) != -1 and (end - self._at) % 2:
            end += 1  # the halves of two characters, not one NUL
        if end == -1:
            raise DamagedFile("truncated", f"Registry.pol has text without an end {self._where()}")
        text = self._content[self._at : end].decode(*_TEXT)
        self._at = end + len(_NUL)
        return text

    def _where(self) -> str:
        return f"at byte {self._at}"


def _encode(entry: RegistryPolEntry) -> bytes:
    parts = (
        entry.key.encode(*_TEXT) + _NUL,
        entry.name.encode(*_TEXT) + _NUL,
        struct.pack("<I", entry.type),
        struct.pack("<I", len(entry.data)),
        entry.data,
    )
    return _OPEN + _BETWEEN.join(parts) + _CLOSE


def _check(entry: RegistryPolEntry) -> None:
    """What we write keeps to MS-GPREG 2.2.1, and reads back as what was written."""
    if not entry.key.strip("\\") or entry.key != entry.key.strip("\\") or "\0" in entry.key:
        raise CannotBeWritten(f"{shorten(entry.key)} is no registry key")
    if not entry.name or len(entry.name) > MAX_NAME or "\0" in entry.name or entry.name.startswith("**"):
        raise CannotBeWritten(f"{shorten(entry.name)} is no name of a registry value")
    if not 0 <= entry.type <= 0xFFFFFFFF:
        raise CannotBeWritten(f"{entry.type} is no type of a registry value")
    if len(entry.data) > MAX_DATA:
        raise CannotBeWritten(f"{len(entry.data)} bytes of data are more than the {MAX_DATA} that an entry may hold")


def _same(one: str, other: str) -> bool:
    """Whether Windows takes two names for the same. Beyond ASCII only if they are equal: none of ours goes there."""
    return one == other or (one.isascii() and other.isascii() and one.lower() == other.lower())


def _is_at_or_below(key: str, top: str) -> bool:
    return _same(key[: len(top)], top) and key[len(top) : len(top) + 1] in ("", "\\")
