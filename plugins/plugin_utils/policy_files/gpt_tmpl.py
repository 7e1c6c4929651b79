# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""GptTmpl.inf: the security template of a GPO, here for its section [Registry Values], where security options stand.

MS-GPSB 2.2: UTF-16LE with a byte order mark; a line is `MACHINE\\key\\name=type,value`. Sections and lines other than
the edited one are kept as they are. A value with a text that is read is as it stands: quotes included.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass, replace
from typing import NamedTuple

from .errors import CannotBeWritten, DamagedFile, shorten
from .ini_text import CRLF, IniText

FILE_NAME = "GptTmpl.inf"
MAX_BYTES = 16 * 1024 * 1024
REG_DWORD = 4
_REGISTRY_VALUES = "Registry Values"
_SIGNATURE = '"$CHICAGO$"'
_NEW = f"[Unicode]{CRLF}Unicode=yes{CRLF}[Version]{CRLF}signature={_SIGNATURE}{CRLF}Revision=1{CRLF}"
_HIVE = "MACHINE"
_CODEC = ("utf-16-le", "surrogatepass")


class TemplateValue(NamedTuple):
    """A line of [Registry Values].

    Attributes:
        type: The number of the registry type (4 is REG_DWORD).
        text: As it stands.
    """

    type: int
    text: str

    @classmethod
    def dword(cls, number: int) -> TemplateValue:
        if not 0 <= number <= 0xFFFFFFFF:
            raise CannotBeWritten(f"{number} is no 32-bit number")
        return cls(REG_DWORD, str(number))

    @property
    def number(self) -> int | None:
        """The REG_DWORD; None for another type or for text that is no such number."""
        if self.type != REG_DWORD or not re.fullmatch(r"[0-9]{1,10}", self.text):
            return None
        number = int(self.text)
        return number if number <= 0xFFFFFFFF else None


@dataclass(frozen=True)
class GptTmpl:
    """A GptTmpl.inf. Immutable: every edit gives a new one."""

    text: IniText

    @classmethod
    def parse(cls, content: bytes) -> GptTmpl:
        """Read a file. Raises DamagedFile."""
        if len(content) > MAX_BYTES:
            raise DamagedFile("too_large", f"{FILE_NAME} is larger than {MAX_BYTES} bytes")
        if not content.startswith(codecs.BOM_UTF16_LE) or len(content) % 2:
            raise DamagedFile("encoding", f"{FILE_NAME} is not UTF-16LE with a byte order mark")
        text = IniText.parse(FILE_NAME, content[len(codecs.BOM_UTF16_LE) :].decode(*_CODEC))
        if text.get("Version", "signature") != _SIGNATURE:
            raise DamagedFile("signature", f"{FILE_NAME} has no signature={_SIGNATURE} in [Version]")
        text.has_section(_REGISTRY_VALUES)
        return cls(text)

    @classmethod
    def new(cls) -> GptTmpl:
        """A template that sets nothing."""
        return cls(IniText.parse(FILE_NAME, _NEW))

    def to_bytes(self) -> bytes:
        """The file. Of a file that was read and not edited, the bytes that were read."""
        return codecs.BOM_UTF16_LE + str(self.text).encode(*_CODEC)

    @property
    def is_new(self) -> bool:
        """Whether the template says nothing beyond what every template says: the file may go."""
        return self == GptTmpl.new()

    def get(self, key: str, name: str) -> TemplateValue | None:
        """What the template sets a value of HKEY_LOCAL_MACHINE to; None where it says nothing. Raises DamagedFile."""
        written = self.text.get(_REGISTRY_VALUES, _path(key, name))
        if written is None:
            return None
        match = re.fullmatch(r"([0-9]{1,10})[ \t]*,[ \t]*(.*)", written)
        if match is None:
            raise DamagedFile("value", f"{FILE_NAME} has {shorten(name)} without a type: {shorten(written)}")
        return TemplateValue(int(match.group(1)), match.group(2))

    def set(self, key: str, name: str, value: TemplateValue) -> GptTmpl:
        """Set a value. Raises CannotBeWritten, DamagedFile where the value is there twice."""
        return replace(self, text=self.text.set(_REGISTRY_VALUES, _path(key, name), f"{value.type},{value.text}"))

    def remove(self, key: str, name: str) -> GptTmpl:
        """Say nothing about a value any more. The section goes with its last line. Raises DamagedFile."""
        return replace(self, text=self.text.remove(_REGISTRY_VALUES, _path(key, name)))


def _path(key: str, name: str) -> str:
    if re.search(r'["=\r\n\0]', key + name) or not key or not name:
        raise CannotBeWritten(f"{FILE_NAME} cannot name {shorten(key)} {shorten(name)}")
    return f"{_HIVE}\\{key}\\{name}"
