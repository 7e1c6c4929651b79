# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What was gathered from one host: a registered result of `posture_info` as a `HostPosture`. Pure.

A result that is missing, failed or of another shape makes a host that says so; it never ends the report of the others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from ..tables.compliance import product_of
from ..tables.settings import GUEST, SETTINGS
from .shape import POSTURE, STATE, shaped
from .shared_values import SharedValues
from .text import cleaned

Row = Mapping[str, Any]


NOTHING: Row = shaped(None, STATE)
"""The state of a setting that a host did not report."""


class HostStatus(Enum):
    """Whether a host could be asked."""

    READ = "read"
    UNREACHABLE = "unreachable"
    FAILED = "failed"
    NOT_ASKED = "not_asked"


class GuestState(Enum):
    """Where a host stands with insecure guest logons."""

    ALLOWED = "allowed"
    """A guest logon can succeed."""
    HELD_BACK = "held_back"
    """They are allowed, and fail for required signing or encryption alone."""
    BLOCKED = "blocked"
    UNKNOWN = "unknown"
    NOT_READ = "not_read"


_EMPTY = shaped(None, POSTURE)


@dataclass(frozen=True)
class HostPosture:
    """One host of the inventory. The members hold what `posture_info` returns under the same name, in its shape."""

    name: str
    status: HostStatus
    message: str = ""
    problems: Sequence[Row] = ()
    os: Row = field(default_factory=lambda: _EMPTY["os"])
    settings: Mapping[str, Row] = field(default_factory=dict)
    access: Row = field(default_factory=lambda: _EMPTY["guest_access"])
    changes: Sequence[Row] = ()
    servers: Sequence[Row] = ()
    unnamed_server: Row = field(default_factory=lambda: _EMPTY["unnamed_server"])
    clients: Sequence[Row] = ()
    connections: Sequence[Row] = ()
    events: Row = field(default_factory=lambda: _EMPTY["events"])
    doors: Row = field(default_factory=lambda: _EMPTY["doors"])
    identity: Row = field(default_factory=lambda: _EMPTY["identity"])

    @property
    def product(self) -> str | None:
        """What benchmarks call its Windows."""
        build = self.os["build"]
        return product_of(self.os["product"], build) if build is not None else None

    @property
    def windows(self) -> str:
        """Its Windows in words, such as `Windows 11 Pro 24H2`."""
        name = str(self.os["caption"] or "").removeprefix("Microsoft ")
        return f"{name} {self.os['version']}" if self.os["product"] == "client" and self.os["version"] else name

    def in_force(self, setting: str) -> bool | None:
        """The value that runs; where nothing says what runs, the one that the configuration leads to."""
        state = self.settings.get(setting, NOTHING)
        running: bool | None = state["running"]
        effective: bool | None = state["effective"]
        return effective if running is None else running

    @property
    def guest_state(self) -> GuestState:
        if self.status is not HostStatus.READ:
            return GuestState.NOT_READ
        verdict, guest = self.access["verdict"], self.in_force(GUEST.name)
        if verdict == "allowed":
            return GuestState.ALLOWED
        if verdict != "blocked" or guest is None:
            return GuestState.UNKNOWN
        return GuestState.HELD_BACK if guest else GuestState.BLOCKED

    @property
    def drift(self) -> list[str]:
        """The settings of which another value runs than the one that is configured."""
        return [name for name in SETTINGS if self.settings.get(name, NOTHING)["drift"]]


def read_host(name: str, result: Any, shared: SharedValues | None = None) -> HostPosture:
    """The host of a registered result. shared: of all hosts, so that equal rows are kept once."""
    name = str(cleaned(name))
    result = cleaned(result) if isinstance(result, Mapping) else {}
    message = str(result.get("msg") or "")
    if result.get("unreachable"):
        return HostPosture(name, HostStatus.UNREACHABLE, message)
    if not isinstance(result.get("posture"), Mapping):
        failed = bool(result.get("failed") or message)
        return HostPosture(name, HostStatus.FAILED if failed else HostStatus.NOT_ASKED, message)
    share = (shared or SharedValues()).share
    posture = {part: share(value) for part, value in shaped(result["posture"], POSTURE).items()}
    settings = {key: state for key, state in posture.pop("settings").items() if key in SETTINGS}
    return HostPosture(name, HostStatus.READ, message, settings=settings, access=posture.pop("guest_access"), **posture)
