# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What connections need, and do first, comes with an action plugin, before Ansible forks; nothing missing stops it."""

from __future__ import annotations

import subprocess
import sys

import pytest

ACTION = "ansible_collections.winops.smb_guest.plugins.action.client_config"


def loaded(before: str, library: str) -> str:
    """Whether a new Python has `library` after `before` and the import of an action plugin."""
    code = (
        f"import sys; sys.path[:] = {sys.path!r}; {before}; import {ACTION}; print(bool(sys.modules.get({library!r})))"
    )
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.strip()


@pytest.mark.parametrize("library", ["winrm.protocol", "pypsrp.wsman"])
def test_libraries_come_with_the_action_plugin(library: str) -> None:
    assert loaded("pass", library) == "True"


@pytest.mark.parametrize("first", ["cryptography.hazmat.primitives.ciphers.Cipher", "spnego.client"])
def test_first_use_comes_with_it_too(first: str) -> None:
    module, _dot, name = first.rpartition(".")
    spy = f"import {module} as m; m.{name} = lambda *args, **named: sys.modules.update(used=sys)"
    assert loaded(spy, "used") == "True"


def test_what_fails_at_its_first_use_stops_nothing() -> None:
    broken = "import spnego as m, cryptography.hazmat.primitives.ciphers as c; m.client = c.Cipher = None"
    assert loaded(broken, "pypsrp.wsman") == "True"


def test_a_broken_library_does_not() -> None:
    assert loaded("sys.modules['xmltodict'] = sys.modules['winrm'] = None", "winrm") == "False"
