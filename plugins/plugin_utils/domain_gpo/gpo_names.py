# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A GPO in words, with names of accounts and WMI filters in place of their identifiers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..domain.accounts import name_of, wmi_filter_name
from .gpo_reader import GpoReader


def with_names(reader: GpoReader, words: Mapping[str, Any]) -> dict[str, Any]:
    """`gpo_desired.described` with names; empty where there is no GPO. Raises DomainError."""
    if not words:
        return {}
    return {
        **words,
        "security_filter": [name_of(reader.directory, sid) for sid in words["security_filter"]],
        "wmi_filter": wmi_filter_name(reader.directory, words["wmi_filter"]),
    }
