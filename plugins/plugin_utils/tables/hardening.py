# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What hardening means: guest logons are blocked, and each of these parts is closed if it is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from .settings import AUDITS, SETTINGS, Setting, Side


@dataclass(frozen=True)
class HardeningPart:
    """One part of hardening: an option of the module `harden`.

    Attributes:
        settings: What is required or enabled.
        by_default: Whether it is on without the option.
        optional: Whether a Windows that does not have it is passed over.
    """

    settings: tuple[Setting, ...]
    by_default: bool = False
    optional: bool = False


def _audits(side: Side, *, by_default: bool) -> HardeningPart:
    return HardeningPart(tuple(setting for setting in AUDITS if setting.side is side), by_default, optional=True)


PARTS: Mapping[str, HardeningPart] = MappingProxyType(
    {
        "client_signing": HardeningPart((SETTINGS["client_signing"],), by_default=True),
        "client_encryption": HardeningPart((SETTINGS["client_encryption"],)),
        "client_audit": _audits(Side.CLIENT, by_default=True),
        "server_signing": HardeningPart((SETTINGS["server_signing"],)),
        "server_encryption": HardeningPart((SETTINGS["server_encryption"],)),
        "server_audit": _audits(Side.SERVER, by_default=False),
    }
)
