# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Configures event channels of a host: whether they are enabled, and how large their logs may grow.

No CIM class configures a channel, so `wevtutil` does. Apart from reading records where a host refuses a subscription,
nothing else in this collection starts a process.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ..core.errors import AccessDenied, HostError, HostState, RequestError, UnexpectedState, leaving
from ..core.text import one_line
from ..winrm.session import Session
from ..winrm.transports import CommandResult
from ..wsman.fault_codes import number_in_words

WEVTUTIL = "wevtutil.exe"
ERROR_ACCESS_DENIED = 5
ERROR_EVT_CHANNEL_NOT_FOUND = 15007


@dataclass(frozen=True)
class ChannelConfiguration:
    """A channel's configuration. max_size: bytes."""

    enabled: bool
    max_size: int

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


MAX_SIZE = 2**40
"""Bytes: larger sizes are taken for a mistake."""


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


def read_channels(session: Session, names: Sequence[str]) -> dict[str, ChannelConfiguration]:
    """The configuration of each channel, in one shell."""
    results = session.run([(WEVTUTIL, "gl", name) for name in names])
    return {name: _parse(name, _checked("reading", name, result)) for name, result in zip(names, results, strict=True)}


def write_channels(session: Session, wanted: Mapping[str, ChannelConfiguration]) -> None:
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
    output = one_line(result.stderr or result.stdout, 200)
    raise HostError(
        f"wevtutil ended with {number_in_words(result.exit_code)} when {doing} the event channel {name}: {output}"
    )


def _parse(name: str, text: str) -> ChannelConfiguration:
    enabled = re.search(r"^\s*enabled:\s*(true|false)\s*$", text, re.MULTILINE | re.IGNORECASE)
    size = re.search(r"^\s*maxSize:\s*(\d{1,19})\s*$", text, re.MULTILINE | re.IGNORECASE)
    if enabled is None or size is None:
        raise HostError(f"wevtutil's description of the event channel {name} has no 'enabled' or no 'maxSize'.")
    return ChannelConfiguration(enabled[1].lower() == "true", int(size[1]))


@dataclass
class ChannelPlan:
    """Channels before and after a task.

    Args:
        asked: the least size in bytes of each channel.
        before: as the host has them.
        wanted: as they shall be.
        after: as they are in the end; `wanted` until `apply` has read them back.
    """

    asked: Mapping[str, int]
    before: Mapping[str, ChannelConfiguration]
    wanted: Mapping[str, ChannelConfiguration]
    after: Mapping[str, ChannelConfiguration]

    @property
    def changes(self) -> dict[str, ChannelConfiguration]:
        return {name: channel for name, channel in self.wanted.items() if channel != self.before[name]}

    def apply(self, session: Session) -> None:
        """Write what differs and read everything back. Raises SmbGuestError with `changed` set."""
        if self.changes:
            with leaving(HostState.PARTLY_WRITTEN):
                self.after = ensure_channels(session, self.changes, self.asked)

    def as_rows(self) -> list[dict[str, Any]]:
        return [
            {"name": name, "before": self.before[name].as_dict(), "after": self.after[name].as_dict()}
            for name in self.asked
        ]

    def descriptions(self) -> list[str]:
        """A line for each change."""
        return [f"event channel {name}: enabled, {self.after[name].max_size} bytes" for name in self.changes]

    def diff(self) -> dict[str, str]:
        """`before` and `after` as text."""
        return {when: _as_text(channels) for when, channels in (("before", self.before), ("after", self.after))}


def _as_text(channels: Mapping[str, ChannelConfiguration]) -> str:
    return "".join(
        f"{name}:\n  enabled: {channel.enabled}\n  max_size: {channel.max_size}\n" for name, channel in channels.items()
    )


def plan_channels(session: Session, asked: Mapping[str, int]) -> ChannelPlan:
    """Read the channels that a task names and plan to enable them. asked: their least size in bytes."""
    before = read_channels(session, list(asked)) if asked else {}
    wanted = {name: ChannelConfiguration(True, max(before[name].max_size, size)) for name, size in asked.items()}
    return ChannelPlan(asked, before, wanted, wanted)


def ensure_channels(
    session: Session, changes: Mapping[str, ChannelConfiguration], asked: Mapping[str, int]
) -> dict[str, ChannelConfiguration]:
    """Configure channels and read all of them back. asked: the least size in bytes of each channel."""
    write_channels(session, changes)
    after = read_channels(session, list(asked))
    lost = [name for name in changes if not (after[name].enabled and after[name].max_size >= asked[name])]
    if lost:
        raise UnexpectedState(f"wevtutil reported success, but the channels {', '.join(lost)} did not change.")
    return after
