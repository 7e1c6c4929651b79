# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Settings as a host may have them, made up: for tests of what is pure."""

from __future__ import annotations

from ansible_collections.winops.smb_guest.plugins.plugin_utils.core.registry_value import (
    RegistryType,
    RegistryValue,
    Stored,
    dword,
)
from ansible_collections.winops.smb_guest.plugins.plugin_utils.posture.state import Observed, SettingState, judge
from ansible_collections.winops.smb_guest.plugins.plugin_utils.tables.os_defaults import NOT_KNOWN, OsDefault
from ansible_collections.winops.smb_guest.plugins.plugin_utils.tables.settings import KEYS, SETTINGS, Layer, Side

CLIENT_LOCAL = KEYS[Side.CLIENT][Layer.LOCAL]
CLIENT_POLICY = KEYS[Side.CLIENT][Layer.POLICY]
CLIENT_MDM = KEYS[Side.CLIENT][Layer.MDM]
BAD = RegistryValue(RegistryType.REG_SZ, "1")
"""A value of the wrong type."""


def stored(value: int | RegistryValue | None) -> Stored:
    return dword(value) if isinstance(value, int) else value


def state_of(
    name: str,
    *,
    running: bool | None = None,
    supported: bool | None = True,
    default: OsDefault = NOT_KNOWN,
    policy: int | RegistryValue | None = None,
    mdm: int | RegistryValue | None = None,
    local: int | RegistryValue | None = None,
) -> SettingState:
    """One setting of one host, judged. A layer of None is absent; a number is a REG_DWORD."""
    given = {Layer.POLICY: policy, Layer.MDM: mdm, Layer.LOCAL: local}
    layers = {layer: stored(value) for layer, value in given.items()}
    return judge(SETTINGS[name], Observed(supported, running, layers), default)
