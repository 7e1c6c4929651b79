# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Random passwords through every door of a connection, failing in every way: no part of one comes out.

A part is what a library may cut out of what the user gave: four characters together, in whatever case, or the whole
where there are fewer. Nothing here opens a socket.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
import urllib3
from random_passwords import random_passwords, shown_parts

from ansible_collections.winops.smb_guest.plugins.plugin_utils.core.errors import RequestError, SmbGuestError, worded
from ansible_collections.winops.smb_guest.plugins.plugin_utils.winrm.peer import check_proxy
from ansible_collections.winops.smb_guest.plugins.plugin_utils.winrm.session import Session
from ansible_collections.winops.smb_guest.plugins.plugin_utils.winrm.transports import open_transport
from ansible_collections.winops.smb_guest.plugins.plugin_utils.wsman.cim import CimClass, Method
from ansible_collections.winops.smb_guest.plugins.plugin_utils.wsman.operations import Invoke
from ansible_collections.winops.smb_guest.tests.unit.plugins.plugin_utils.winrm.connections import (
    BASIC,
    NTLM,
    connection,
)

POKE = Invoke(CimClass("root/Test", "TEST_Thing", {}, {"Poke": Method()}), "Poke")


Door = Callable[[pytest.MonkeyPatch, str, str], dict[str, Any]]
# What the user gave, with a secret in it: variables of the host, after whatever the environment has to hold.
DOORS: dict[str, Door] = {
    "password": lambda patch, kind, secret: {"ansible_password": secret},
    "proxy": lambda patch, kind, secret: {f"ansible_{kind}_proxy": f"http://user:{secret}@proxy.example:3128"},
    "proxy, encoded": lambda patch, kind, secret: {
        f"ansible_{kind}_proxy": f"http://user:{quote(secret, safe='')}@proxy.example:3128"
    },
    "proxy without scheme": lambda patch, kind, secret: {f"ansible_{kind}_proxy": f"user:{secret}@proxy.example:3128"},
    "environment": lambda patch, kind, secret: (
        patch.setenv("http_proxy", f"http://user:{secret}@proxy.example:3128") or {}  # type: ignore[func-returns-value]
    ),
    "environment, encoded": lambda patch, kind, secret: (
        patch.setenv("http_proxy", f"http://user:{quote(secret, safe='')}@proxy.example") or {}  # type: ignore[func-returns-value]
    ),
    "path": lambda patch, kind, secret: {f"ansible_{kind}_path": f"//user:{secret}@host.example/wsman"},
    "key of a certificate": lambda patch, kind, secret: {f"ansible_{kind}_certificate_key_password": secret},
    "host": lambda patch, kind, secret: {"ansible_host": f"user:{secret}@host.example"},
    "host without @": lambda patch, kind, secret: {"ansible_host": f"user:{secret}"},
    "host as a URL": lambda patch, kind, secret: {"ansible_host": f"http://user:{secret}@host.example:5985/wsman"},
}


def _fail_with(make: Callable[[tuple[Any, ...]], Exception]) -> Callable[..., Any]:
    def fail(*args: Any, **kwargs: Any) -> Any:
        raise make(args)

    return fail


# The ways in which connecting fails; each repeats what it was asked to connect to, as libraries do.
WAYS: dict[str, Callable[[tuple[Any, ...]], Exception]] = {
    "name": lambda args: socket.gaierror(socket.EAI_NONAME, f"Name or service not known: {args}"),
    "timeout": lambda args: TimeoutError(f"timed out: {args}"),
    "text": lambda args: ValueError(f"Port could not be cast to integer value: {args}"),
    "url": lambda args: urllib3.exceptions.LocationParseError(f"{args}"),
}


def error_of(kind: str, variables: dict[str, Any]) -> str:
    """The message of a conversation that fails."""
    with pytest.raises(SmbGuestError) as caught:
        Session(open_transport(connection(kind, **{"ansible_host": "host.example", **variables}))).call(POKE)
    return worded(caught.value)


@pytest.mark.parametrize("door", DOORS)
def test_no_part_of_a_password_comes_out(
    door: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, recwarn: pytest.WarningsRecorder
) -> None:
    for name in ("no_proxy", "NO_PROXY", "HTTP_PROXY", "http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    caplog.set_level("INFO")
    for number, secret in enumerate(random_passwords()):
        kind, way = list(BASIC)[number % 2], list(WAYS)[number // 2 % len(WAYS)]
        with monkeypatch.context() as patch:
            patch.setattr(urllib3.util.connection, "create_connection", _fail_with(WAYS[way]))
            patch.setattr(urllib3.connection.connection, "create_connection", _fail_with(WAYS[way]))
            authentication = BASIC if number % 3 else NTLM
            told = error_of(kind, {**authentication[kind], **DOORS[door](patch, kind, secret)})
        everything = "\n".join([told, caplog.text, *(str(warning.message) for warning in recwarn)])
        assert shown_parts(secret, everything) == [], (secret, way, told)
        assert quote(secret, safe="") not in told


@pytest.mark.parametrize("kind", BASIC)
@pytest.mark.parametrize("secret", ["pa#ss", "pa/ss", "pa?ss", "pa\\ss", "pa[ss", "#", "12#", "a b", "p://w"])
def test_a_proxy_that_would_be_taken_apart_wrongly_is_named(
    kind: str, secret: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the variable it stands in, before anything is asked."""
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    url = f"http://user:{secret}@proxy.example:3128"
    told = error_of(kind, {**BASIC[kind], f"ansible_{kind}_proxy": url})
    assert told.startswith(f"ansible_{kind}_proxy is no URL of a proxy")
    assert told.endswith("Nothing was asked of any host.")
    assert "ansible_host" not in told
    monkeypatch.setenv("http_proxy", url)
    told = error_of(kind, BASIC[kind])
    assert told.startswith("The environment variable http_proxy")
    assert "is no URL of a proxy" in told


@pytest.mark.parametrize(
    "proxy",
    [
        None,
        False,
        "http://proxy.example",
        "http://proxy.example:3128/",
        "https://user:pa%23ss@proxy.example:3128",
        "http://user:p@ss@proxy.example:3128",
        "socks5h://user:x@[::1]:1080",
        "proxy.example:3128",
        "user:x@proxy.example",
    ],
)
def test_proxies_that_can_be_used(proxy: object) -> None:
    check_proxy(proxy, "ansible_winrm_proxy")


@pytest.mark.parametrize(
    "proxy", ["", "http://", "http://user@", "http://proxy:port", "http://proxy:99999", "ftp://proxy", "http://a\n"]
)
def test_proxies_that_cannot_be_used(proxy: str) -> None:
    with pytest.raises(RequestError, match="is no URL of a proxy"):
        check_proxy(proxy, "ansible_winrm_proxy")


def test_a_proxy_that_is_not_used_for_this_host_is_nobodys_concern(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://user:pa#ss@proxy.example")
    monkeypatch.setenv("no_proxy", "host.example")
    monkeypatch.setattr(urllib3.util.connection, "create_connection", _fail_with(WAYS["timeout"]))
    told = error_of("winrm", BASIC["winrm"])
    assert "proxy" not in told
    assert "did not answer the connection in time" in told
