# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A computer that joined the domain, as far as its Group Policy goes: Samba's own client with its machine account.

Nothing of it runs but for the moment of a refresh.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from samba_dc import SambaDc

_FOLDERS = ("private", "lock", "state", "cache", "run", "log", "ncalrpc")


@dataclass(frozen=True)
class Member:
    """A joined computer. smb_conf: its own, which holds all that it knows of the domain."""

    dc: SambaDc
    name: str
    smb_conf: Path

    @classmethod
    def joined(cls, dc: SambaDc, name: str, unit: str = "") -> Member:
        """Join a computer to the domain. unit: of its account, from the top down with slashes: `Floor/Scanners`.

        Raises AssertionError.
        """
        folder = dc.folder / "members" / name
        for each in _FOLDERS:
            (folder / each).mkdir(parents=True)
        options = {
            "workgroup": dc.netbios,
            "realm": dc.realm,
            "security": "ads",
            "netbios name": name,
            "private dir": folder / "private",
            "lock directory": folder / "lock",
            "state directory": folder / "state",
            "cache directory": folder / "cache",
            "pid directory": folder / "run",
            "ncalrpc dir": folder / "ncalrpc",
            "log file": folder / "log" / "samba.log",
            "disable netbios": "yes",
            "interfaces": f"{dc.address}/8",
            "bind interfaces only": "yes",
        }
        member = cls(dc, name, folder / "smb.conf")
        lines = [f"{option} = {value}" for option, value in options.items()]
        member.smb_conf.write_text("\n".join(["[global]", *lines, ""]))
        join = ["net", "ads", "join", f"-U{dc.administrator}%{dc.password}", "--no-dns-updates"]
        member._run(*join, *([f"createcomputer={unit}"] if unit else []))
        return member

    def applied(self) -> list[str]:
        """The names of the GPOs that a refresh applies to the computer, in that order: the last one wins."""
        told = self._run("samba-gpupdate", "--rsop", "--target=Computer", "-P")
        return [line.partition("GPO: ")[2].strip() for line in told.splitlines() if "GPO: " in line]

    def _run(self, *command: str) -> str:
        within = self.dc.inside(*command, f"--configfile={self.smb_conf}")
        done = subprocess.run(within, check=False, capture_output=True, text=True, env=self.dc.environ)
        assert done.returncode == 0, f"{command[0]} failed:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        return done.stdout
