# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lines of an INI text, kept as they are but for the one that is edited: what gpt.ini and GptTmpl.inf share.

A line is kept with its own line break, so that the text of untouched lines is the text that was read. A section or a
key that is there twice is ambiguous: nothing is read from it, nothing written to it. Names count in any case.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

from .errors import CannotBeWritten, DamagedFile, shorten

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
_SECTION = re.compile(r"[ \t]*\[([^\]\r\n]*)\][ \t]*[\r\n]*")
MAX_LINES = 50_000
"""Templates of whole domains have thousands. Each is a text of its own: 60 bytes and more beside its characters."""
_BLANKS = " \t"
_BREAKS = "\r\n"
CRLF = "\r\n"


class _Pair(NamedTuple):
    """A line `key = value`, cut so that the value can be changed: all but the key make the line again."""

    key: str
    before: str
    value: str
    after: str

    @classmethod
    def cut(cls, line: str) -> _Pair | None:
        """None for a comment and for every other line that is no pair."""
        key, equals, rest = line.partition("=")
        key = key.strip(_BLANKS)
        if not equals or key.startswith(";"):
            return None
        value = rest.strip(_BLANKS + _BREAKS)
        start = len(line) - len(rest) + (rest.index(value) if value else 0)
        return cls(key.strip('"'), line[:start], value, line[start + len(value) :])


@dataclass(frozen=True)
class IniText:
    """Lines, each with its line break. file_name: for error messages."""

    file_name: str
    lines: tuple[str, ...]

    @classmethod
    def parse(cls, file_name: str, text: str) -> IniText:
        """Cut a text into its lines. Raises DamagedFile for more than MAX_LINES."""
        if text.count("\r") + text.count("\n") > 2 * MAX_LINES:
            raise DamagedFile("too_large", f"{file_name} has more than {MAX_LINES} lines")
        return cls(file_name, tuple(_LINE.findall(text)))

    def __str__(self) -> str:
        return "".join(self.lines)

    def has_section(self, section: str) -> bool:
        return self._section(section) is not None

    def get(self, section: str, key: str) -> str | None:
        """The value, without the blanks around it; None if there is none. Raises DamagedFile if there are two."""
        found = self._pair(section, key)
        return found[1].value if found else None

    def set(self, section: str, key: str, value: str) -> IniText:
        """Give a key a value. A new key goes to the beginning of its section, a new section to the end of the text.

        Raises CannotBeWritten for what no line can say, DamagedFile for a section or key that is there twice.
        """
        if re.search(r"[\r\n\0]", key + value) or value != value.strip() or not key or key[0] in ";[":
            raise CannotBeWritten(f"{self.file_name} cannot say {shorten(key)} = {shorten(value)}")
        found = self._pair(section, key)
        if found:
            at, pair = found
            return self._replaced(at, at + 1, pair.before + value + pair.after)
        span = self._section(section)
        line_break = self._line_break(len(self.lines) if span is None else span.start)
        new = f"{key}={value}{line_break}"
        if span is not None:
            return self._ended(span.start - 1)._replaced(span.start, span.start, new)
        text = self._ended(len(self.lines) - 1)
        return text._replaced(len(text.lines), len(text.lines), f"[{section}]{line_break}", new)

    def remove(self, section: str, key: str) -> IniText:
        """Take the line of a key away; with it the section, if nothing is left in it."""
        found, span = self._pair(section, key), self._section(section)
        if found is None or span is None:
            return self
        at = found[0]
        return self._replaced(span.start - 1 if len(span) == 1 else at, at + 1)

    def _replaced(self, start: int, stop: int, *new: str) -> IniText:
        return IniText(self.file_name, self.lines[:start] + new + self.lines[stop:])

    def _ended(self, at: int) -> IniText:
        """With a line break at the end of line `at`, which only the last line may lack."""
        if at < 0 or self.lines[at][-1:] in ("\r", "\n"):
            return self
        return self._replaced(at, at + 1, self.lines[at] + self._line_break(at + 1))

    def _line_break(self, before: int) -> str:
        """The line break that the first line has; that of Windows where there is none.

        And where it is a lone CR that would become one with the LF that the line at `before` begins with.
        """
        first = self.lines[0] if self.lines else ""
        found = first[len(first.rstrip(_BREAKS)) :]
        joins = found == "\r" and self.lines[before : before + 1] == ("\n",)
        return CRLF if joins else found or CRLF

    def _section(self, section: str) -> range | None:
        """Places of the lines of a section, its heading excluded."""
        heads = [(at, match.group(1)) for at, line in enumerate(self.lines) if (match := _SECTION.fullmatch(line))]
        ours = [number for number, (_at, name) in enumerate(heads) if name.strip().lower() == section.lower()]
        if len(ours) > 1:
            raise DamagedFile("duplicate", f"{self.file_name} has the section [{section}] twice")
        if not ours:
            return None
        end = heads[ours[0] + 1][0] if ours[0] + 1 < len(heads) else len(self.lines)
        return range(heads[ours[0]][0] + 1, end)

    def _pair(self, section: str, key: str) -> tuple[int, _Pair] | None:
        """The line of a key and its place."""
        pairs = [(at, pair) for at in self._section(section) or () if (pair := _Pair.cut(self.lines[at]))]
        ours = [(at, pair) for at, pair in pairs if pair.key.lower() == key.lower()]
        if len(ours) > 1:
            raise DamagedFile("duplicate", f"{self.file_name} has {shorten(key)} twice in [{section}]")
        return ours[0] if ours else None
