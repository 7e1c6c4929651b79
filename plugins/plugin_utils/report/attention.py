# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the page says needs attention, and in which order: a table. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from .facets import Facets


class Attention(NamedTuple):
    """A number that asks for something to be done. member: of the summary, which counts it; without, the facet does.
    facet: the hosts behind it, empty where it has none. section: where the number leads; `hosts` if it counts hosts."""

    level: str
    member: str
    facet: str
    section: str
    one: str
    many: str


ATTENTION = (
    Attention(
        "bad",
        "allowed",
        "state:allowed",
        "hosts",
        "host allows insecure guest logons (SMB2/SMB3)",
        "hosts allow insecure guest logons (SMB2/SMB3)",
    ),
    Attention(
        "bad",
        "overdue_changes",
        "overdue",
        "changes",
        "change is past its end and still open",
        "changes are past their end and still open",
    ),
    Attention(
        "warn",
        "endless_changes",
        "endless",
        "changes",
        "change allowed insecure guest logons without an end",
        "changes allowed insecure guest logons without an end",
    ),
    Attention(
        "warn",
        "guest_servers",
        "guests",
        "servers",
        "server is used, or was tried, as a guest",
        "servers are used, or were tried, as a guest",
    ),
    Attention(
        "warn",
        "held_back",
        "state:held_back",
        "hosts",
        "host allows insecure guest logons, which fail only for required signing or encryption",
        "hosts allow insecure guest logons, which fail only for required signing or encryption",
    ),
    Attention(
        "warn",
        "drift",
        "drift",
        "hosts",
        "host runs another value than is configured",
        "hosts run other values than are configured",
    ),
    Attention("warn", "expired_exceptions", "", "exceptions", "exception has ended", "exceptions have ended"),
    Attention(
        "warn",
        "exceptions_ends_soon",
        "",
        "exceptions",
        "exception ends within 30 days",
        "exceptions end within 30 days",
    ),
    Attention(
        "warn",
        "exceptions_without_match",
        "",
        "exceptions",
        "exception matches no host and no server",
        "exceptions match no host and no server",
    ),
    Attention(
        "warn",
        "exceptions_without_approver",
        "",
        "exceptions",
        "exception names nobody who approved it",
        "exceptions name nobody who approved them",
    ),
    Attention("warn", "exceptions_without_end", "", "exceptions", "exception has no end", "exceptions have no end"),
    Attention(
        "warn",
        "open_smb1_client",
        "door:smb1_client",
        "hosts",
        "host has an SMB1 client: it accepts guest logons",
        "hosts have an SMB1 client: it accepts guest logons",
    ),
    Attention(
        "warn", "open_smb1_server", "door:smb1_server", "hosts", "host has an SMB1 server", "hosts have an SMB1 server"
    ),
    Attention(
        "warn",
        "open_guest_account",
        "door:guest_account",
        "hosts",
        "host has the Guest account enabled (inbound)",
        "hosts have the Guest account enabled (inbound)",
    ),
    Attention(
        "warn",
        "open_force_guest",
        "door:force_guest",
        "hosts",
        "host forces inbound logons to Guest",
        "hosts force inbound logons to Guest",
    ),
    Attention("note", "unreachable", "status:unreachable", "hosts", "host was unreachable", "hosts were unreachable"),
    Attention("note", "failed", "status:failed", "hosts", "host could not be read", "hosts could not be read"),
    Attention("note", "partly_read", "partly", "hosts", "host was read in part", "hosts were read in part"),
    Attention(
        "note",
        "",
        "differs:safe",
        "hosts",
        "host is safe in force and fails a scan",
        "hosts are safe in force and fail a scan",
    ),
    Attention(
        "note",
        "",
        "differs:open",
        "hosts",
        "host passes a scan of what is not in force",
        "hosts pass a scan of what is not in force",
    ),
)


def attention(summary: Mapping[str, int], facets: Facets) -> list[dict[str, Any]]:
    """What asks for something to be done, the most urgent first: `{level, facet, section, number, text}`."""
    found = []
    for row in ATTENTION:
        number = summary[row.member] if row.member else facets.size(row.facet)
        if number:
            text = row.one if number == 1 else row.many
            found.append(
                {"level": row.level, "facet": row.facet, "section": row.section, "number": number, "text": text}
            )
    return found
