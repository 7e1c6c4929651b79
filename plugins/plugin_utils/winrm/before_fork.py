# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is done once in a run, and not in each worker.

Ansible loads an action plugin before it forks a worker for each host and task. What the libraries of the connections
load and make at their first use is made then. Nothing is demanded: for what is missing or broken the
connection itself reports an error.
"""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module


def make_ready() -> None:
    """Do it. Raises nothing."""
    for name in ("winrm", "psrp"):
        with suppress(Exception):
            import_module(f"ansible.plugins.connection.{name}")
    for step in (_make_a_cipher, _begin_ntlm):
        with suppress(Exception):
            step()


def _make_a_cipher() -> None:
    """OpenSSL sets itself up with the first one: 4 ms of every worker that encrypts its messages."""
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    Cipher(algorithms.AES(bytes(16)), modes.CBC(bytes(16))).encryptor()


def _begin_ntlm() -> None:
    """The first message of an authentication, which goes nowhere: 2 ms."""
    import_module("spnego").client("nobody", "nothing", protocol="ntlm").step()
