# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Real Samba servers, started by the tests on loopback: private configuration, users, and an end to them.

Written for Samba 4.17 of Debian 12. One smbd takes 23 MB and listens after a fraction of a second.
"""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

SMBD = "/usr/sbin/smbd"
PACKAGES = ["samba"]
_BASE = {
    "server role": "standalone server",
    "workgroup": "PROBELAB",
    "netbios name": "PROBENAS",
    "interfaces": "127.0.0.1/8",
    "bind interfaces only": "yes",
    "disable netbios": "yes",
    "load printers": "no",
    "printcap name": "/dev/null",
    "disable spoolss": "yes",
    # Without root smbd can be nobody else than who started it.
    "guest account": "nobody" if os.geteuid() == 0 else getpass.getuser(),
    "log level": "0",
}
_PRIVATE = ("lock", "state", "cache", "private", "pid", "ncalrpc")


@dataclass(frozen=True)
class Samba:
    """A running smbd."""

    port: int
    process: subprocess.Popen[bytes]
    folder: Path


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _configuration(folder: Path, port: int, settings: Mapping[str, str]) -> str:
    private = {f"{name} {'dir' if name == 'ncalrpc' else 'directory'}": str(folder / name) for name in _PRIVATE}
    private["private dir"] = private.pop("private directory")
    share = folder / "share"
    rows = {**_BASE, **private, "smb ports": str(port), "log file": str(folder / "log"), **settings}
    body = "\n".join(f"  {name} = {value}" for name, value in rows.items())
    return f"[global]\n{body}\n[scans]\n  path = {share}\n  guest ok = yes\n  read only = no\n"


@contextmanager
def samba(folder: Path, settings: Mapping[str, str], users: Mapping[str, str] | None = None) -> Iterator[Samba]:
    """Start smbd with these settings over the common ones, and users with their passwords; end it at exit."""
    for name in (*_PRIVATE, "share"):
        (folder / name).mkdir(parents=True)
    (folder / "share").chmod(0o777)
    port = free_port()
    configuration = folder / "smb.conf"
    configuration.write_text(_configuration(folder, port, settings))
    for name, password in (users or {}).items():
        subprocess.run(
            ["smbpasswd", "-c", str(configuration), "-L", "-s", "-a", name],
            input=f"{password}\n{password}\n".encode(),
            check=True,
            capture_output=True,
        )
    process = subprocess.Popen(
        [SMBD, "--foreground", "--no-process-group", f"--configfile={configuration}"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # when it ends it signals its whole process group
    )
    try:
        _wait(process, port)
        yield Samba(port, process, folder)
    finally:
        process.terminate()
        process.wait(10)
        shutil.rmtree(folder, ignore_errors=True)


def _wait(process: subprocess.Popen[bytes], port: int) -> None:
    for _attempt in range(200):
        if process.poll() is not None:
            raise RuntimeError(f"smbd ended with {process.returncode}")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError("smbd does not listen")
