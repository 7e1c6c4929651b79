# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""gpt.ini: the version of a Group Policy Object's files and, in the local GPO, the extensions that read them.

MS-GPOL 2.2.4: text in the machine's ANSI code page, of which only ASCII matters here; every other byte is kept. Windows
reads it with its functions for INI files, which take UTF-16 with a byte order mark as well; so does this. The section
[General] and its key Version must be there, else Windows takes the file for corrupt, and so does this.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass, replace

from .errors import CannotBeWritten, DamagedFile, shorten
from .ini_text import CRLF, IniText

FILE_NAME = "gpt.ini"
MAX_BYTES = 1024 * 1024
MAX_HALF = 0xFFFF
_GENERAL, _VERSION, _MACHINE_EXTENSIONS = "General", "Version", "gPCMachineExtensionNames"
# One character for each byte, so that bytes of any code page survive.
_ENCODING = "latin-1"


@dataclass(frozen=True)
class Version:
    """A GPO's version: how often each half was changed, 16 bits each."""

    user: int = 0
    machine: int = 0

    def __post_init__(self) -> None:
        if not (0 <= self.user <= MAX_HALF and 0 <= self.machine <= MAX_HALF):
            raise CannotBeWritten(f"{self.user} and {self.machine} are no halves of a version")

    @classmethod
    def from_number(cls, number: int) -> Version:
        """From the 32-bit number; LDAP says it with a sign, so from one with a sign too. Raises CannotBeWritten."""
        if not -(1 << 31) <= number < 1 << 32:
            raise CannotBeWritten(f"{number} is no 32-bit number")
        return cls(number >> 16 & MAX_HALF, number & MAX_HALF)

    @property
    def number(self) -> int:
        return self.user << 16 | self.machine

    @property
    def signed(self) -> int:
        """The number as LDAP's versionNumber says it: 32 bits with a sign."""
        return self.number - (1 << 32) if self.number >> 31 else self.number

    def next_machine(self, *others: Version) -> Version:
        """The version after a change of the machine half, newer than this one and `others` (LDAP's, say).

        The user half is the larger one of all. After 65535 comes 1: a version of 0 means "never changed".
        """
        everyone = (self, *others)
        machine = max(version.machine for version in everyone) + 1
        return Version(max(version.user for version in everyone), machine if machine <= MAX_HALF else 1)


@dataclass(frozen=True)
class GptIni:
    """A gpt.ini. Immutable: every edit gives a new one."""

    text: IniText
    is_utf16: bool = False

    @classmethod
    def parse(cls, content: bytes) -> GptIni:
        """Read a file. Raises DamagedFile."""
        if len(content) > MAX_BYTES:
            raise DamagedFile("too_large", f"{FILE_NAME} is larger than {MAX_BYTES} bytes")
        if content.startswith(codecs.BOM_UTF16_LE) and not len(content) % 2:
            text = content[len(codecs.BOM_UTF16_LE) :].decode("utf-16-le", "surrogatepass")
            return cls(IniText.parse(FILE_NAME, text), is_utf16=True)._checked()
        if b"\0" in content:
            raise DamagedFile("encoding", f"{FILE_NAME} is not in an ANSI code page: it holds NUL bytes")
        return cls(IniText.parse(FILE_NAME, content.decode(_ENCODING)))._checked()

    def _checked(self) -> GptIni:
        """Raises DamagedFile."""
        if not self.text.has_section(_GENERAL):
            raise DamagedFile("missing", f"{FILE_NAME} has no section [{_GENERAL}]")
        _read = (self.version, self.machine_extensions)
        return self

    @classmethod
    def new(cls) -> GptIni:
        """The gpt.ini of a GPO that was never changed."""
        return cls(IniText.parse(FILE_NAME, f"[{_GENERAL}]{CRLF}{_VERSION}=0{CRLF}"))

    def to_bytes(self) -> bytes:
        """The file. Of a file that was read and not edited, the bytes that were read."""
        if self.is_utf16:
            return codecs.BOM_UTF16_LE + str(self.text).encode("utf-16-le", "surrogatepass")
        return str(self.text).encode(_ENCODING)

    @property
    def version(self) -> Version:
        return Version.from_number(self._number())

    @property
    def machine_extensions(self) -> str | None:
        """The text of gPCMachineExtensionNames (see `extension_names`); None where there is no such key."""
        return self.text.get(_GENERAL, _MACHINE_EXTENSIONS)

    def with_version(self, version: Version) -> GptIni:
        """With another version, signed where the file has a sign."""
        number = version.signed if self._number() < 0 else version.number
        return replace(self, text=self.text.set(_GENERAL, _VERSION, str(number)))

    def with_machine_extensions(self, names: str | None) -> GptIni:
        """With another gPCMachineExtensionNames; None takes the line away. Raises CannotBeWritten."""
        if names is None:
            return replace(self, text=self.text.remove(_GENERAL, _MACHINE_EXTENSIONS))
        if not names.isascii():
            raise CannotBeWritten(f"{FILE_NAME} cannot say {shorten(names)}")
        return replace(self, text=self.text.set(_GENERAL, _MACHINE_EXTENSIONS, names))

    def _number(self) -> int:
        written = self.text.get(_GENERAL, _VERSION)
        if written is None:
            raise DamagedFile("missing", f"{FILE_NAME} has no {_VERSION} in [{_GENERAL}]")
        if not re.fullmatch(r"-?[0-9]{1,10}", written) or not -(1 << 31) <= int(written) < 1 << 32:
            raise DamagedFile("value", f"{FILE_NAME} has a {_VERSION} that is no 32-bit number: {shorten(written)}")
        return int(written)
