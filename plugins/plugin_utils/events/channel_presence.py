# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a host has an event channel, and whether it is enabled. The registry shows it, so no process is started."""

from __future__ import annotations

from dataclasses import dataclass

from ..windows.registry import Registry

# One key for each channel, with its configuration (seen in published hardening scripts; documented nowhere).
_CHANNELS_KEY = r"SOFTWARE\Microsoft\Windows\CurrentVersion\WINEVT\Channels"


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
