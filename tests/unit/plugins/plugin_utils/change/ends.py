# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ends to be rendered, and what was rendered."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from datetime import UTC, datetime

from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.cell import Cell, CellValue
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.stack import CellEnd, Choice
from ansible_collections.winops.smb_guest.plugins.plugin_utils.core.registry_value import RegistryValue, dword

from ..engine import GUEST_POLICY, OURS

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
NAMESPACE = "{http://schemas.microsoft.com/windows/2004/02/mit/task}"
CHANGES = OURS + r"\smb_guest\Changes"


def lines_of(xml: str) -> list[str]:
    """The command lines of a task: what follows cmd.exe."""
    document = ET.fromstring(xml)
    return [found.text or "" for found in document.iter(NAMESPACE + "Arguments")]


def one(stored: RegistryValue | None, cell: Cell = GUEST_POLICY) -> CellEnd:
    return CellEnd(cell, CellValue(dword(1)), (), (Choice(CellValue(stored)),))
