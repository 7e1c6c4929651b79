# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which names are one SMB server. Pure.

Spelling is taken off first: case, a trailing dot, leading backslashes, a share. Beyond that only a probe joins names:
the name that was probed, and the NetBIOS and DNS name that the server gave. A server may claim any name, so a claimed
name joins only if no other probed server has it, by its own probe or by its claim.
"""

from __future__ import annotations

from collections.abc import Iterable

from .host_posture import Row


def plain_name(name: str) -> str:
    """A server's name as it is compared."""
    return name.lstrip("\\").partition("\\")[0].rstrip(".").strip("[]").casefold()


class ServerNames:
    """Names to machines. probes: rows of server_info."""

    def __init__(self, probes: Iterable[Row]) -> None:
        rows = list(probes)
        keys: dict[tuple[str, ...], str] = {}
        self._machines: dict[str, str] = {}
        claims: dict[str, set[str]] = {}
        for row in rows:
            own = [plain_name(row[member]) for member in ("server", "host") if row[member]]
            if not own:
                continue
            identity = _identity(row)
            machine = keys.setdefault(identity, own[0]) if identity else own[0]
            machine = next((self._machines[name] for name in own if name in self._machines), machine)
            for name in own:
                self._machines[name] = machine
            for member in ("netbios_name", "dns_name"):
                if claimed := row["identity"][member]:
                    claims.setdefault(plain_name(claimed), set()).add(machine)
        for name, machines in claims.items():
            if len(machines) == 1:
                self._machines.setdefault(name, next(iter(machines)))

    def key(self, name: str) -> str:
        """What is the same for every name of a machine."""
        plain = plain_name(name)
        return self._machines.get(plain, plain)


def _identity(row: Row) -> tuple[str, ...]:
    """What two probes of one machine have in common; empty where it says too little."""
    names = (row["server_guid"], row["identity"]["netbios_name"], row["identity"]["dns_name"])
    return tuple(str(each).casefold() for each in names) if row["server_guid"] and any(names[1:]) else ()
