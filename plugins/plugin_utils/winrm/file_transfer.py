# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files between the control node and a host, by `put_file` and `fetch_file` of Ansible's winrm and psrp.

They start PowerShell on the host. Their errors become one of two: the host refused the file, or the connection broke.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ansible.errors import AnsibleConnectionFailure, AnsibleError

from ..core.errors import HostError
from ..core.text import one_line


def put_file(connection: Any, content: bytes, path: str) -> None:
    """Write a file; its folder must be there. Raises HostError where the host refuses it."""
    with TemporaryDirectory(prefix="winops-smb_guest-") as folder, _transfer(f"writing the file {path}"):
        local = Path(folder, "file")
        local.write_bytes(content)
        connection.put_file(str(local), path)


def fetch_file(connection: Any, path: str) -> bytes:
    """Read a file. Raises HostError where the host refuses it."""
    with TemporaryDirectory(prefix="winops-smb_guest-") as folder, _transfer(f"reading the file {path}"):
        local = Path(folder, "file")
        connection.fetch_file(path, str(local))
        if not local.is_file():
            raise HostError(f"The host has a folder where the file {path} should be.")
        return local.read_bytes()


@contextmanager
def _transfer(doing: str) -> Iterator[None]:
    """ansible's fetch_file wraps whatever happens in one error, and prints a traceback."""
    try:
        with redirect_stderr(StringIO()):
            yield
    except AnsibleConnectionFailure:
        raise
    except AnsibleError as error:
        inner = error.__context__
        if inner is not None and inner.__class__ is not OSError and not isinstance(inner, AnsibleError):
            raise inner from None
        raise HostError(f"The host failed when {doing}: {one_line(str(inner or error), 300)}") from error
