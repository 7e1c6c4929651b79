# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Event channels of a host: whether they are there, are enabled, and how large their logs may grow.

No CIM class configures a channel, so `wevtutil` does. Apart from reading records where a host refuses a subscription,
nothing else in this collection starts a process.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ..core.errors import AccessDenied, HostError, RequestError, UnexpectedState
from ..core.text import one_line
from ..windows.registry import Registry
from ..winrm.session import Session
from ..winrm.transports import CommandResult
from ..wsman.fault_codes import number_in_words

WEVTUTIL = "wevtutil.exe"
ERROR_ACCESS_DENIED = 5
ERROR_EVT_CHANNEL_NOT_FOUND = 15007

# One key for each channel, with its configuration (seen in published hardening scripts; documented nowhere).
_CHANNELS_KEY = r"SOFTWARE\Microsoft\Windows\CurrentVersion\WINEVT\Channels"


@dataclass(frozen=True)
class Channel:
    """A channel's configuration. max_size: bytes."""

    enabled: bool
    max_size: int

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Presence:
    """Whether a host has a channel, and whether anything is written to it (None where the host does not say)."""

    available: bool
    enabled: bool | None


def channel_presence(registry: Registry, name: str) -> Presence:
    """Asks the registry, so that no process is started: one request, two where the channel is not there."""
    key = f"{_CHANNELS_KEY}\\{name}"
    enabled = registry.dword(key, "Enabled")
    if enabled is None:
        return Presence(bool(registry.value_types(key)), None)
    return Presence(True, bool(enabled))


MAX_SIZE = 2**40
"""Bytes: what nobody means by accident."""


def read_sizes(rows: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """The least size in bytes of each channel that a task names, 0 where it names none. Raises RequestError."""
    asked: dict[str, int] = {}
    for row in rows:
        name, size = row["name"], row["min_size"]
        if name in asked:
            raise RequestError(f"channels names {name} twice. Say once how large its log must be able to grow.")
        if size is not None and not 1 <= size <= MAX_SIZE:
            raise RequestError(f"min_size of {name} is {size}: say a number of bytes from 1 to {MAX_SIZE}.")
        asked[name] = size or 0
    return asked


def read_channels(session: Session, names: Sequence[str]) -> dict[str, Channel]:
    """The configuration of each channel, in one shell."""
    results = session.run([(WEVTUTIL, "gl", name) for name in names])
    return {name: _parse(name, _checked("reading", name, result)) for name, result in zip(names, results, strict=True)}


def write_channels(session: Session, wanted: Mapping[str, Channel]) -> None:
    """Configure channels, in one shell. The caller reads back."""
    results = session.run(
        [
            (WEVTUTIL, "sl", name, f"/e:{str(channel.enabled).lower()}", f"/ms:{channel.max_size}")
            for name, channel in wanted.items()
        ]
    )
    for name, result in zip(wanted, results, strict=True):
        _checked("configuring", name, result)


def _checked(doing: str, name: str, result: CommandResult) -> str:
    if result.exit_code == 0:
        return result.stdout
    if result.exit_code == ERROR_ACCESS_DENIED:
        raise AccessDenied(f"{doing} the event channel {name}", writing=doing == "configuring")
    if result.exit_code == ERROR_EVT_CHANNEL_NOT_FOUND:
        raise HostError(f"This Windows has no event channel {name}. Leave it out of channels for this host.")
    said = one_line(result.stderr or result.stdout, 200)
    raise HostError(
        f"wevtutil ended with {number_in_words(result.exit_code)} when {doing} the event channel {name}: {said}"
    )


def _parse(name: str, text: str) -> Channel:
    enabled = re.search(r"^\s*enabled:\s*(true|false)\s*$", text, re.MULTILINE | re.IGNORECASE)
    size = re.search(r"^\s*maxSize:\s*(\d{1,19})\s*$", text, re.MULTILINE | re.IGNORECASE)
    if enabled is None or size is None:
        raise HostError(f"wevtutil's description of the event channel {name} has no 'enabled' or no 'maxSize'.")
    return Channel(enabled[1].lower() == "true", int(size[1]))


def ensure_channels(session: Session, changes: Mapping[str, Channel], asked: Mapping[str, int]) -> dict[str, Channel]:
    """Configure channels and read all of them back. asked: the least size in bytes of each channel."""
    write_channels(session, changes)
    after = read_channels(session, list(asked))
    lost = [name for name in changes if not (after[name].enabled and after[name].max_size >= asked[name])]
    if lost:
        raise UnexpectedState(f"wevtutil reported success, but the channels {', '.join(lost)} did not change.")
    return after
