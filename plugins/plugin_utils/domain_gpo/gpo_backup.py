# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A GPO of the domain as a GPMC backup, so that a board reads it before and after a change. Reads only.

Everything below the two halves of the GPO is in it, so that an import brings back what the GPO holds. Whoever may edit
a GPO chooses the names and sizes of its files: both are checked before anything of them reaches the control node.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from ..domain.errors import DomainError, clean
from ..policy_files.gpmc_backup import NEUTRAL_DESCRIPTOR, BackupSource, digest_guid
from ..policy_files.gpt_ini import GptIni, Version
from .gpo_reader import GpoReader
from .gpo_state import COMMENT, GPT_INI, GpoContainer, parsed

MAX_FILES = 1_000
MAX_BYTES = 64 * 1024 * 1024
MAX_DEPTH = 20
_HALVES = ("Machine", "User")
_REGISTRY_POL = "registry.pol"
_FORBIDDEN = frozenset('<>:"/\\|?*')


class GpoBackup(NamedTuple):
    """A backup, and what of the GPO is not in it, as sentences."""

    source: BackupSource
    left_out: list[str]


def back_up(reader: GpoReader, container: GpoContainer, now: datetime) -> GpoBackup:
    """Read a GPO for a backup.

    Args:
        reader: Of the domain.
        container: The GPO.
        now: Aware; the time that the backup records.

    Raises:
        DomainError: Also where the GPO holds more than MAX_FILES files or MAX_BYTES bytes.
    """
    left_out: list[str] = []
    if container.wmi_filter:
        left_out.append("The WMI filter is not in the backup. An import keeps that of its target.")
    files: dict[str, bytes] = {}
    size = 0
    for path in _paths(reader, container, left_out):
        content = reader.sysvol.read(rf"{reader.folder(container.guid)}\{path}")
        if content is None:
            continue
        size += len(content)
        if len(files) == MAX_FILES or size > MAX_BYTES:
            raise DomainError(
                f"The GPO {clean(container.name)} holds more than {MAX_FILES} files or {MAX_BYTES} bytes, so it is not "
                "backed up here. Back it up with Group Policy Management."
            )
        files[_in_backup(path)] = content
    ini = reader.sysvol.read(rf"{reader.folder(container.guid)}\{GPT_INI}")
    in_sysvol = parsed(GptIni.parse, ini, GPT_INI).version if ini is not None else Version()
    state = (container.guid, container.version.number, in_sysvol.number, container.flags, container.machine_extensions)
    source = BackupSource(
        container.name,
        container.guid,
        digest_guid(":".join(map(str, state)), files),
        now,
        files,
        container.machine_extensions or "",
        container.user_extensions or "",
        options=container.flags & 3,
        machine_version=container.version.machine << 16 | in_sysvol.machine,
        user_version=container.version.user << 16 | in_sysvol.user,
        domain=reader.domain,
        controller=reader.directory.controller.server,
        descriptor=container.security or NEUTRAL_DESCRIPTOR,
    )
    return GpoBackup(source, left_out)


def _paths(reader: GpoReader, container: GpoContainer, left_out: list[str]) -> Iterator[str]:
    """The files below the halves, by their path in the GPO's folder, then the comment; a name that no Windows has is
    left out."""
    waiting = list(_HALVES)
    while waiting:
        folder = waiting.pop(0)
        for item in sorted(reader.sysvol.items(rf"{reader.folder(container.guid)}\{folder}")):
            path = rf"{folder}\{item.name}"
            if not _is_name(item.name) or path.count("\\") > MAX_DEPTH:
                left_out.append(f"{clean(path)} has a name that no backup can hold.")
            elif item.is_folder:
                waiting.append(path)
            else:
                yield path
    yield COMMENT


def _in_backup(path: str) -> str:
    """Windows writes the name of Registry.pol in lower case into a backup."""
    folder, _backslash, name = path.rpartition("\\")
    return rf"{folder}\{name.lower()}" if folder in _HALVES and name.lower() == _REGISTRY_POL else path


def _is_name(name: str) -> bool:
    return bool(name.strip(". ")) and name.isprintable() and not _FORBIDDEN & set(name)
