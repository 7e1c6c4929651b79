# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What hosts say, brought into the shape that the report relies on: once, at the door, so that nothing asks again.

Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Each:
    """A mapping of any keys to values of one shape."""

    shape: Any


COUNTS = Each(int)
PEER = {
    "name": str,
    "is_ip_address": bool,
    "counts": COUNTS,
    "days": [{"day": str, "counts": COUNTS}],
    "first_seen": str,
    "last_seen": str,
    "users": [str],
    "users_omitted": bool,
    "empty_user": bool,
}
STATE = {
    "effective": bool,
    "winner": str,
    "running": bool,
    "policy": bool,
    "mdm": bool,
    "local": bool,
    "os_default": bool,
    "supported": bool,
    "drift": bool,
    "location": str,
    "policy_source": {"gpo": str},
}
CHANGE = {
    "change_id": str,
    "status": str,
    "reason": str,
    "created_at": str,
    "expires_at": str,
    "controller": str,
    "note": str,
    "changes": [{"setting": str, "scope": str, "from": bool, "to": bool}],
}
DOORS = ("smb1_client", "smb1_server", "guest_account", "force_guest")
"""Members of the part `doors` of posture_info."""

POSTURE = {
    "os": {"caption": str, "product": str, "edition_id": str, "version": str, "build": int, "ubr": int, "domain": str},
    "settings": Each(STATE),
    "guest_access": {"verdict": str, "blocked_by": [str], "advice": str},
    "changes": [CHANGE],
    "servers": [PEER],
    "unnamed_server": PEER,
    "clients": [PEER],
    "connections": [{"server": str, "guest": bool, "unprotected": bool}],
    "events": {
        "since": str,
        "asked_since": str,
        "max_events": int,
        "read": {"way": str, "events": int, "capped": [str], "unreadable": int, "omitted": int, "undecodable": bool},
        "channels": [
            {
                "name": str,
                "available": bool,
                "enabled": bool,
                "reason": str,
                "events": int,
                "oldest": str,
                "newest": str,
                "log_begins": str,
                "log_is_empty": bool,
            }
        ],
    },
    "identity": {"computer_name": str, "domain": str, "account": str, "read_at": str, "host_time": str},
    "doors": {
        door: {"state": str, "confidence": str, "reason": str, "scanner": str, "installed": bool} for door in DOORS
    },
    "problems": [{"part": str, "message": str}],
}
"""What posture_info returns, as far as the report reads it."""

PROBE = {
    "server": str,
    "host": str,
    "verdict": str,
    "advice": str,
    "server_guid": str,
    "identity": {"netbios_name": str, "dns_name": str},
}
"""The same of a row of server_info."""


def shaped(value: Any, shape: Any) -> Any:
    """The value in that shape. A member that is absent or of another type is None, an empty mapping or an empty list;
    what the shape does not name is left out."""
    if isinstance(shape, Each):
        return {key: shaped(item, shape.shape) for key, item in _mapping(value).items() if _fits(item, shape.shape)}
    if isinstance(shape, dict):
        return {key: shaped(_mapping(value).get(key), inner) for key, inner in shape.items()}
    if isinstance(shape, list):
        return [shaped(item, shape[0]) for item in value if _fits(item, shape[0])] if isinstance(value, list) else []
    return value if _fits(value, shape) else None


def _fits(value: Any, shape: Any) -> bool:
    if isinstance(shape, dict | Each):
        return isinstance(value, Mapping)
    if shape is int:
        return isinstance(value, int) and not isinstance(value, bool) and value >= 0
    return isinstance(value, shape)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
