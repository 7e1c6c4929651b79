# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the page says needs attention, and in which order: a table. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from .facets import Facets


class Attention(NamedTuple):
    """A number that asks for something to be done. member: of the summary, which counts it; without, the facet does.
    facet: the hosts behind it, empty where it has none. section: where the number leads; `hosts` if it counts hosts.
    text: where one and many differ, both stand in brackets."""

    level: str
    member: str
    facet: str
    section: str
    text: str

    def words(self, number: int) -> str:
        return re.sub(r"\[(.*?)\|(.*?)\]", r"\1" if number == 1 else r"\2", self.text)


_ALLOW = "[host allows|hosts allow] insecure guest logons"
ATTENTION = (
    Attention("bad", "allowed", "state:allowed", "hosts", f"{_ALLOW} (SMB2/SMB3)"),
    Attention(
        "bad", "overdue_changes", "overdue", "changes", "[change is past its|changes are past their] end and still open"
    ),
    Attention(
        "warn", "endless_changes", "endless", "changes", "[change|changes] allowed insecure guest logons without an end"
    ),
    Attention(
        "warn",
        "guest_servers",
        "guests",
        "servers",
        "[server is used, or was|servers are used, or were] tried, as a guest",
    ),
    Attention(
        "warn", "held_back", "state:held_back", "hosts", f"{_ALLOW}, which fail only for required signing or encryption"
    ),
    Attention(
        "warn", "drift", "drift", "hosts", "[host runs another value|hosts run other values] than [is|are] configured"
    ),
    Attention("warn", "differ_from_baseline", "base", "hosts", "[host differs|hosts differ] from the baseline"),
    Attention("warn", "expired_exceptions", "", "exceptions", "[exception has|exceptions have] ended"),
    Attention("warn", "exceptions_ends_soon", "", "exceptions", "[exception ends|exceptions end] within 30 days"),
    Attention(
        "warn",
        "exceptions_without_match",
        "",
        "exceptions",
        "[exception matches|exceptions match] no host and no server",
    ),
    Attention(
        "warn",
        "exceptions_without_approver",
        "",
        "exceptions",
        "[exception names nobody who approved it|exceptions name nobody who approved them]",
    ),
    Attention("warn", "exceptions_without_end", "", "exceptions", "[exception has|exceptions have] no end"),
    Attention(
        "warn",
        "open_smb1_client",
        "door:smb1_client",
        "hosts",
        "[host has|hosts have] an SMB1 client: it accepts guest logons",
    ),
    Attention("warn", "open_smb1_server", "door:smb1_server", "hosts", "[host has|hosts have] an SMB1 server"),
    Attention(
        "warn",
        "open_guest_account",
        "door:guest_account",
        "hosts",
        "[host has|hosts have] the Guest account enabled (inbound)",
    ),
    Attention(
        "warn", "open_force_guest", "door:force_guest", "hosts", "[host forces|hosts force] inbound logons to Guest"
    ),
    Attention("note", "unreachable", "status:unreachable", "hosts", "[host was|hosts were] unreachable"),
    Attention("note", "failed", "status:failed", "hosts", "[host|hosts] could not be read"),
    Attention("note", "partly_read", "partly", "hosts", "[host was|hosts were] read in part"),
    Attention(
        "note", "", "differs:safe", "hosts", "[host is safe in force and fails|hosts are safe in force and fail] a scan"
    ),
    Attention("note", "", "differs:open", "hosts", "[host passes|hosts pass] a scan of what is not in force"),
)


def attention(summary: Mapping[str, int], facets: Facets) -> list[dict[str, Any]]:
    """What asks for something to be done, the most urgent first: `{level, facet, section, number, text}`."""
    counted = ((row, summary[row.member] if row.member else facets.size(row.facet)) for row in ATTENTION)
    return [
        {"level": row.level, "facet": row.facet, "section": row.section, "number": number, "text": row.words(number)}
        for row, number in counted
        if number
    ]
