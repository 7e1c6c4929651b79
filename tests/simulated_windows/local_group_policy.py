"""The local Group Policy Object as the Group Policy client carries it out (MS-GPOL 3.2.5, MS-GPREG 3.2.5.1.2).

The client looks at the files when it refreshes: again only if the version changed or the refresh is forced, at
Registry.pol only if the extension list names the registry extension. A value that an earlier Registry.pol set and this
one does not is deleted; a value that never came from there stays.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from .files import Files
from .registry import TYPES, Registry

FOLDER = r"C:\Windows\System32\GroupPolicy"
GPT_INI = rf"{FOLDER}\gpt.ini"
REGISTRY_POL = rf"{FOLDER}\Machine\Registry.pol"
_REGISTRY_EXTENSION = "{35378EAC-683F-11D2-A89A-00C04FBBCFA2}"
_HEADER = b"PReg\x01\x00\x00\x00"
_TYPE_NAMES = {number: name for name, number in TYPES.items()}
Value = tuple[str, str]


def instructions(content: bytes) -> list[tuple[str, str, int, bytes]]:
    """(key, value name, type, data) of a Registry.pol, in order; ValueError for a file that Windows would skip."""
    if content[:8] != _HEADER:
        raise ValueError("signature")
    rest, found = content[8:], []
    while rest:
        match = re.match(rb"\[\0((?:(?!\0\0)..)*)\0\0;\0((?:(?!\0\0)..)*)\0\0;\0(....);\0(....);\0", rest, re.DOTALL)
        if match is None:
            raise ValueError("entry")
        size = int.from_bytes(match[4], "little")
        data, rest = rest[match.end() : match.end() + size], rest[match.end() + size :]
        if len(data) < size or rest[:2] != b"]\0":
            raise ValueError("data")
        rest = rest[2:]
        key, name = match[1].decode("utf-16-le"), match[2].decode("utf-16-le")
        found.append((key, name, int.from_bytes(match[3], "little"), data))
    return found


def _data(type_: str, data: bytes) -> object:
    if type_ in ("REG_DWORD", "REG_QWORD"):
        return int.from_bytes(data, "little")
    if type_ == "REG_BINARY":
        return list(data)
    texts = data.decode("utf-16-le").split("\0")
    return [text for text in texts if text] if type_ == "REG_MULTI_SZ" else texts[0]


@dataclass
class LocalGroupPolicy:
    """What the client remembers between refreshes: the version that it saw, and the values that it set."""

    files: Files
    registry: Registry
    version: int | None = None
    history: set[Value] = field(default_factory=set)

    def refresh(self, force: bool = False) -> None:
        """Carry the files out, as far as the client looks at them."""
        ini = self.files.read(GPT_INI).decode("latin-1") if self.files.is_file(GPT_INI) else ""
        match = re.search(r"^\s*Version\s*=\s*(-?\d+)", ini, re.MULTILINE | re.IGNORECASE)
        version = int(match[1]) if match else 0
        if version == self.version and not force:
            return
        self.version = version
        listed = re.search(r"^\s*gPCMachineExtensionNames\s*=(.*)$", ini, re.MULTILINE | re.IGNORECASE)
        active = listed is not None and _REGISTRY_EXTENSION in listed[1].upper()
        if not active and not self.history:
            return
        content = self.files.read(REGISTRY_POL) if active and self.files.is_file(REGISTRY_POL) else _HEADER
        try:
            found = instructions(content)
        except ValueError:
            return
        wanted = {(key.lower(), name.lower()) for key, name, _type, _data in found}
        for key, name in self.history - wanted:
            self.registry.delete_value(f"HKLM\\{key}", name)
        self.history = set()
        for key, name, type_, data in found:
            self._carry_out(f"HKLM\\{key}", name, type_, data)

    def _carry_out(self, key: str, name: str, type_: int, data: bytes) -> None:
        lowered = name.lower()
        if lowered.startswith("**del."):
            self.registry.delete_value(key, name[6:])
        elif lowered == "**delvals.":
            for value in self.registry.values(key):
                self.registry.delete_value(key, value.name)
        elif not lowered.startswith("**") and type_ in _TYPE_NAMES:
            self.registry.set(key, name, _TYPE_NAMES[type_], _data(_TYPE_NAMES[type_], data))
            self.history.add((key.partition("\\")[2].lower(), lowered))
