# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The local GPO of a host: reading its two files, and replacing them so that a reader finds the old or the new one.

`stored` and `write_values` are the files as a place of registry values, like the registry itself.

The files travel with the connection's own file transfer, which is PowerShell on the host. A new file is written beside
the old one and renamed over it, Registry.pol first and gpt.ini, whose version makes clients look, last. What stands in
between, `if exist`, `md`, `move` and `del`, is cmd.exe.
Sources: MS-GPOL 2.2.4 and 3.3.5.4, MS-GPREG 2.2.1; the folder: Microsoft Learn, "Local Group Policy Object".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from ..core.errors import HostError, HostUnreachable
from ..core.registry_value import RegistryType, RegistryValue, Stored
from ..core.text import one_line
from ..policy_files.errors import DamagedFile
from ..policy_files.local_gpo import LocalGpo
from ..policy_files.registry_pol import RegistryPolEntry
from ..winrm.session import Session
from ..winrm.transports import CommandResult

FOLDER = r"System32\GroupPolicy"
GPT_INI = "gpt.ini"
MACHINE = "Machine"
REGISTRY_POL = rf"{MACHINE}\Registry.pol"
FILES = (REGISTRY_POL, GPT_INI)
"""In the order in which they are replaced."""
_BESIDE = ".winops_smb_guest"
_NO_TYPE = -1
_DONE = "done"

_PLACES = {".": rf"%SystemRoot%\{FOLDER}"} | {
    name: rf"%SystemRoot%\{FOLDER}\{name}" for name in (MACHINE, REGISTRY_POL, GPT_INI)
}
# Where Windows is, then the name of each place that is there.
_LOOK = "echo %SystemRoot%" + "".join(f'&(if exist "{path}" echo {name})' for name, path in _PLACES.items())

# It becomes part of command lines: nothing that cmd.exe would read as its own.
_SYSTEM_ROOT = re.compile(r"[A-Za-z]:(?:\\[\w .-]+)+", re.ASCII)


class LocalPolicy:
    """The local GPO of one host. `read` first; what it read is what `replace` replaces."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._folder = ""
        self._held: dict[str, bytes] = {}
        self._places: frozenset[str] = frozenset()

    def read(self) -> LocalGpo:
        """The files as they stand: one process and one transfer for each file that is there.

        Raises HostError; for a damaged file one that says which it is and what to do.
        """
        look = self._session.run([(_LOOK,)])[0]
        root, *found = [line.strip() for line in look.stdout.splitlines()] or [""]
        # The answer becomes part of the next command lines.
        if not _SYSTEM_ROOT.fullmatch(root) or not _PLACES.keys() >= set(found):
            raise HostError(f"The host answered {one_line(root, 60)!r} when asked for %SystemRoot%.")
        self._folder = rf"{root}\{FOLDER}"
        self._places = frozenset(found)
        self._held = {name: self._session.fetch_file(self._path(name)) for name in FILES if name in found}
        try:
            return LocalGpo.parse(self._held.get(REGISTRY_POL), self._held.get(GPT_INI))
        except DamagedFile as error:
            raise HostError(
                f"The local Group Policy of this host cannot be used: {error}. Windows itself does not apply such a "
                rf"file. Repair it with the Group Policy editor or take it away ({self._folder}\...), then try again."
            ) from error

    def replace(self, gpo: LocalGpo) -> None:
        """Put these files in the place of those that `read` found. Nothing to do: no request. The caller reads back:
        `del` reports no failure, and somebody else may write there at the same moment. Raises HostError.
        """
        wanted = _contents(gpo)
        if wanted == self._held:
            return
        changed = {name: content for name, content in wanted.items() if self._held.get(name) != content}
        doing = f"replacing files below {self._folder}"
        # The transfer of the connection does not make folders.
        if folders := self._missing_folders(changed):
            self._run_all(folders, doing)
        steps = []
        for name in FILES:
            if name in changed:
                steps.append(f'move /y "{self._beside(name)}" "{self._path(name)}"')
            elif name in self._held and name not in wanted:
                steps.append(f'del /f /q /a "{self._path(name)}"')
        try:
            for name, content in changed.items():
                self._session.put_file(content, self._beside(name))
            self._run_all(steps, doing)
        except HostUnreachable:
            raise
        except HostError:
            with suppress(HostError):
                self._session.run([(f'del /f /q /a "{self._beside(name)}"',) for name in changed])
            raise

    def refresh(self) -> None:
        """Let the host apply computer policy now, and wait for it. Raises HostError."""
        result = self._session.run([("gpupdate.exe", "/target:computer")])[0]
        if result.exit_code != 0:
            raise HostError(f"gpupdate ended with {result.exit_code}: {_output(result)}")

    def _path(self, name: str) -> str:
        return rf"{self._folder}\{name}"

    def _beside(self, name: str) -> str:
        return self._path(name) + _BESIDE

    def _missing_folders(self, changed: Mapping[str, bytes]) -> list[str]:
        """Commands that make the folders for these files, the first one hidden as an editor makes it."""
        commands = []
        if "." not in self._places:
            commands += [f'md "{self._folder}"', f'attrib +h "{self._folder}"']
        if REGISTRY_POL in changed and MACHINE not in self._places:
            commands.append(f'md "{self._path(MACHINE)}"')
        return commands

    def _run_all(self, commands: Sequence[str], doing: str) -> None:
        """Run commands of cmd.exe up to the first that fails. A word at the end proves success: which exit
        code cmd.exe gives for its own commands depends on how it was started."""
        result = self._session.run([(" && ".join([*commands, f"echo {_DONE}"]),)])[0]
        if result.stdout.split()[-1:] != [_DONE]:
            raise HostError(f"The host failed when {doing}: {_output(result)}")


def _output(result: CommandResult) -> str:
    return one_line(result.stderr or result.stdout, 200)


def stored(gpo: LocalGpo, key: str, name: str) -> Stored:
    """The value that the local GPO gives a place of HKEY_LOCAL_MACHINE; None: "not configured", or no client reads it.

    Anything but one entry of a known type can be shown, not restored: a deletion, several entries for one value.
    """
    if not gpo.is_read or not gpo.configures(key, name):
        return None
    entry = gpo.entry(key, name)
    value = _value(entry) if entry else None
    if value is not None:
        return value
    effect = gpo.effect(key, name)
    found = f"{effect.entry.name} (type {effect.entry.type})" if effect else "no effect"
    return RegistryValue(_NO_TYPE, f"an instruction of another kind: {one_line(found, 80)}")


def write_values(session: Session, values: Mapping[tuple[str, str], Stored]) -> None:
    """Let the local GPO hold these values, by key and value name (None: "not configured"), in one edit.

    The caller reads back. Raises what `LocalPolicy` raises.
    """
    policy = LocalPolicy(session)
    wanted = {place: None if value is None else _entry(*place, value) for place, value in values.items()}
    policy.replace(policy.read().edit(wanted))


def _value(entry: RegistryPolEntry) -> RegistryValue | None:
    """The value of an entry, if writing that value gives the entry again."""
    try:
        kind = RegistryType(entry.type)
        value = RegistryValue(kind, _CODECS[kind].decode(entry.data))
        # An entry that this code would write with other bytes could not be restored bit for bit.
        return value if _entry(entry.key, entry.name, value).data == entry.data else None
    except ValueError:  # a type that nobody knows, and text that is none
        return None


def _entry(key: str, name: str, value: RegistryValue) -> RegistryPolEntry:
    if not isinstance(value.kind, RegistryType):
        raise AssertionError("what could not be restored is never overwritten")
    return RegistryPolEntry(key, name, int(value.kind), _CODECS[value.kind].encode(value.data))


class _Codec(NamedTuple):
    decode: Callable[[bytes], Any]
    encode: Callable[[Any], bytes]


def _number(size: int) -> _Codec:
    return _Codec(lambda data: int.from_bytes(data, "little"), lambda number: int(number).to_bytes(size, "little"))


_UTF_16 = "utf-16-le"
_TEXT = _Codec(lambda data: data.decode(_UTF_16).removesuffix("\0"), lambda text: f"{text}\0".encode(_UTF_16))
# The data of an entry, as MS-GPREG 2.2.1 lays it out.
_CODECS: Mapping[RegistryType, _Codec] = {
    RegistryType.REG_SZ: _TEXT,
    RegistryType.REG_EXPAND_SZ: _TEXT,
    RegistryType.REG_BINARY: _Codec(bytes, bytes),
    RegistryType.REG_DWORD: _number(4),
    RegistryType.REG_QWORD: _number(8),
    RegistryType.REG_MULTI_SZ: _Codec(
        lambda data: tuple(data.decode(_UTF_16).removesuffix("\0").split("\0")[:-1]),
        lambda lines: "".join(f"{line}\0" for line in (*lines, "")).encode(_UTF_16),
    ),
}


def _contents(gpo: LocalGpo) -> dict[str, bytes]:
    """File name to content, of the files that are there."""
    files = ((REGISTRY_POL, gpo.registry_pol), (GPT_INI, gpo.gpt_ini))
    return {name: file.to_bytes() for name, file in files if file is not None}
