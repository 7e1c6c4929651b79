# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The transports over ansible's own connections: which are taken, what they refuse, in which order they are tried.

Nothing here opens a socket; peers without end have a file of their own, real hosts are asked in tests/integration.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.plugins.connection.psrp import Connection as Psrp
from ansible.plugins.connection.winrm import Connection as Winrm
from requests import ConnectionError as NoConnection
from winrm.exceptions import InvalidCredentialsError, WinRMError, WinRMTransportError
from winrm.transport import Transport

from ansible_collections.winops.smb_guest.plugins.plugin_utils.core.errors import (
    HostError,
    HostUnreachable,
    RequestError,
    worded,
)
from ansible_collections.winops.smb_guest.plugins.plugin_utils.winrm.peer import connection_kind
from ansible_collections.winops.smb_guest.plugins.plugin_utils.winrm.transports import (
    Timeouts,
    open_transport,
)
from ansible_collections.winops.smb_guest.tests.unit.plugins.plugin_utils.winrm.connections import (
    BASIC,
    PASSWORD,
    connection,
)

ANSWER = b"<an answer/>"
WINRM = {"ansible_port": 5985, **BASIC["winrm"]}
PSRP = {"ansible_port": 5985, **BASIC["psrp"]}


# --- which connections ---


class Tunnel(Winrm):  # type: ignore[misc]  # ansible-core ships no type information
    """A connection plugin as others publish them: ansible's own, with a way of its own to the host."""

    transport = "winrm_tunnel"


class Jea(Psrp):  # type: ignore[misc]
    transport = "community.made_up.jea"


class Pretender:
    """Calls itself winrm and is not."""

    transport = "winrm"


@pytest.mark.parametrize(
    ("plugin", "kind"), [(Winrm, "winrm"), (Psrp, "psrp"), (Tunnel, "winrm"), (Jea, "psrp"), (Pretender, None)]
)
def test_a_connection_is_taken_for_what_it_is(plugin: type, kind: str | None) -> None:
    assert connection_kind(plugin.__new__(plugin)) == kind


@pytest.mark.parametrize("name", ["winrm", "psrp"])
def test_the_plugins_that_ansible_loads(name: str) -> None:
    assert connection_kind(connection(name)) == name


@pytest.mark.parametrize("kind", ["ssh", "local"])
def test_other_connections_get_the_names_of_the_supported_ones(kind: str) -> None:
    with pytest.raises(RequestError, match=rf"winrm and psrp; this host uses '{kind}'\. Set ansible_connection"):
        open_transport(connection(kind))


def test_a_connection_without_a_name_is_called_by_its_type() -> None:
    with pytest.raises(RequestError, match="this host uses 'SimpleNamespace'"):
        open_transport(SimpleNamespace())


def test_psrp_without_pypsrp(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pypsrp.wsman", None)
    with pytest.raises(RequestError, match=r"pypsrp is missing on the control node.*pip install pypsrp"):
        open_transport(connection("psrp", **PSRP))


# --- what is refused before the first message ---


def test_ansible_is_kept_from_opening_a_shell() -> None:
    theirs = connection("winrm", **WINRM)
    transport = open_transport(theirs)
    assert theirs.shell_id is None, "else ansible would close a shell that never was"
    assert transport.peer.endpoint == "http://127.0.0.1:5985/wsman"
    assert (transport.peer.connection, transport.peer.auth) == ("winrm", "basic")
    assert PASSWORD in transport.peer.secrets


@pytest.mark.parametrize(
    ("raised", "expected", "said"),
    [
        (
            AnsibleConnectionFailure("Kerberos auth failure for principal x: no\nticket"),
            HostUnreachable,
            "No Kerberos ticket for this host: Kerberos auth failure for principal x: no ticket. Check ansible_user,",
        ),
        (
            AnsibleConnectionFailure("something else."),
            HostUnreachable,
            "ansible-core cannot connect to this host: something else.",
        ),
        (
            AnsibleError("winrm or requests is not installed: No module named 'winrm'"),
            RequestError,
            "The Python package pywinrm is missing on the control node, or one that it needs: pip install pywinrm.",
        ),
        (AnsibleError("nobody knows"), RequestError, "ansible-core refuses the connection: nobody knows."),
    ],
)
def test_what_ansible_raises_before_the_first_message(raised: Exception, expected: type[Exception], said: str) -> None:
    theirs = connection("winrm", **WINRM)

    def connect() -> None:
        assert theirs.shell_id, "the placeholder keeps ansible from opening a shell"
        raise raised

    theirs._connect = connect
    with pytest.raises(expected) as caught:
        open_transport(theirs)
    assert caught.value.__class__ is expected
    assert str(caught.value).startswith(said)
    assert theirs.shell_id is None


@pytest.mark.parametrize(
    ("kind", "variables", "said"),
    [
        ("winrm", {"ansible_winrm_operation_timeout_sec": 60}, "ansible_winrm_read_timeout_sec"),
        ("winrm", {"ansible_winrm_server_cert_validation": False}, "ansible_winrm_server_cert_validation"),
        ("winrm", {"ansible_winrm_transport": "NTLM"}, "ansible_winrm_transport"),
        ("winrm", {"ansible_user": None}, "ansible_user"),
        ("winrm", {"ansible_host": "http://ws"}, "ansible_host cannot be used: a name or an address alone"),
        ("winrm", {"ansible_port": 99999}, "ansible_port is 99999"),
        ("psrp", {"ansible_psrp_message_encryption": "always"}, "ansible_psrp_message_encryption"),
        ("psrp", {"ansible_user": None}, "ansible_user"),
        ("psrp", {"ansible_psrp_auth": "certificate"}, "ansible_psrp_certificate_pem"),
        ("psrp", {"ansible_host": "http://ws"}, "ansible_host cannot be used: a name or an address alone"),
        ("psrp", {"ansible_port": 0}, "ansible_port is 0"),
    ],
)
def test_variables_that_cannot_work(kind: str, variables: dict[str, Any], said: str) -> None:
    with pytest.raises(RequestError) as caught:
        open_transport(connection(kind, **{**(WINRM if kind == "winrm" else PSRP), **variables}))
    assert said in str(caught.value)
    assert worded(caught.value).endswith("Nothing was asked of any host.")


def test_a_tunnel_has_an_endpoint_of_its_own() -> None:
    """Then ansible_host is what the tunnel wants, such as the name of a machine in a cloud."""
    theirs = connection("winrm", **{**WINRM, "ansible_host": "project/zone/vm 1"})
    connect = theirs._winrm_connect

    def through_a_tunnel() -> Any:
        theirs._winrm_host, theirs._winrm_port = "127.0.0.1", 40000
        return connect()

    theirs._winrm_connect = through_a_tunnel
    assert open_transport(theirs).peer.endpoint == "http://127.0.0.1:40000/wsman"


@pytest.mark.parametrize(
    ("kind", "variables", "timeouts", "expected"),
    [
        ("winrm", {}, Timeouts(), (60, 600)),
        ("psrp", {}, Timeouts(), (60, 600)),
        ("winrm", {"ansible_winrm_operation_timeout_sec": 40, "ansible_winrm_read_timeout_sec": 50}, None, (120, 1200)),
        ("psrp", {"ansible_psrp_operation_timeout": 40}, None, (120, 1200)),
        ("winrm", {}, Timeouts(7, 70), (7, 70)),
        ("psrp", {}, Timeouts(task=99), (60, 99)),
    ],
)
def test_deadlines_follow_the_operation_timeout_or_the_user(
    kind: str, variables: dict[str, Any], timeouts: Timeouts | None, expected: tuple[float, float]
) -> None:
    transport: Any = open_transport(connection(kind, **{**(WINRM if kind == "winrm" else PSRP), **variables}), timeouts)
    assert (transport._limits.deadlines.message, transport._limits.deadlines.task) == expected


# --- one transport after the other ---

Script = dict[str, list[bytes | Exception]]


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> Callable[[Script], list[str]]:
    """Let pywinrm answer by script, a list of answers and errors for each transport; the transports used come back."""
    used: list[str] = []

    def arrange(script: Script) -> list[str]:
        def send_message(transport: Any, message: bytes) -> bytes:
            used.append(transport.auth_method)
            answer = script[transport.auth_method].pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer

        monkeypatch.setattr(Transport, "send_message", send_message)
        return used

    return arrange


REFUSALS = [
    InvalidCredentialsError("the specified credentials were rejected by the server"),
    WinRMTransportError("http", 500, ""),
    WinRMError("message encryption is set to 'always' but the selected auth method basic does not support it"),
]


@pytest.mark.parametrize("refusal", REFUSALS, ids=str)
def test_the_next_transport_is_tried(refusal: Exception, scripted: Callable[[Script], list[str]]) -> None:
    used = scripted({"basic": [refusal], "ntlm": [ANSWER, ANSWER]})
    theirs = connection("winrm", **{**WINRM, "ansible_winrm_transport": ["basic", "ntlm"]})
    transport = open_transport(theirs)
    assert [transport.send(b"<x/>"), transport.send(b"<x/>")] == [ANSWER, ANSWER]
    assert used == ["basic", "ntlm", "ntlm"]
    assert (transport.peer.auth, transport.peer.tried) == ("ntlm", ("basic",))
    assert theirs.shell_id is None


def test_the_last_transport_says_what_the_others_were(scripted: Callable[[Script], list[str]]) -> None:
    scripted({"basic": [REFUSALS[0]], "ntlm": [REFUSALS[0]], "ssl": [REFUSALS[0]]})
    transport = open_transport(connection("winrm", **{**WINRM, "ansible_winrm_transport": ["basic", "ssl", "ntlm"]}))
    with pytest.raises(InvalidCredentialsError):
        transport.send(b"<x/>")
    assert (transport.peer.auth, transport.peer.tried) == ("ntlm", ("basic", "ssl"))


@pytest.mark.parametrize("error", [WinRMTransportError("http", 404, ""), NoConnection("refused")], ids=str)
def test_what_no_other_transport_cures_ends_it(error: Exception, scripted: Callable[[Script], list[str]]) -> None:
    used = scripted({"basic": [error], "ntlm": []})
    transport = open_transport(connection("winrm", **{**WINRM, "ansible_winrm_transport": ["basic", "ntlm"]}))
    with pytest.raises(type(error)):
        transport.send(b"<x/>")
    assert used == ["basic"]


def test_a_message_that_was_delivered_is_not_sent_again(scripted: Callable[[Script], list[str]]) -> None:
    """Such as one whose answer does not decrypt: the library gives up, and the host has carried it out."""
    used = scripted({"basic": [WinRMError("message has been tampered with")] * 2, "ntlm": [ANSWER]})
    theirs = connection("winrm", **{**WINRM, "ansible_winrm_transport": ["basic", "ntlm"]})
    transport: Any = open_transport(theirs)
    send = transport._transport.send_message

    def delivered(message: bytes) -> bytes:
        transport._limits.delivered = True
        answer: bytes = send(message)
        return answer

    transport._transport.send_message = delivered
    with pytest.raises(WinRMError):
        transport.send(b"<x/>")
    assert used == ["basic"]


def test_a_transport_that_answered_once_is_kept(scripted: Callable[[Script], list[str]]) -> None:
    """A message may have been carried out: it is not sent again another way."""
    used = scripted({"basic": [ANSWER, REFUSALS[0]], "ntlm": []})
    transport = open_transport(connection("winrm", **{**WINRM, "ansible_winrm_transport": ["basic", "ntlm"]}))
    transport.send(b"<x/>")
    with pytest.raises(InvalidCredentialsError):
        transport.send(b"<x/>")
    assert used == ["basic", "basic"]


def test_the_next_task_finds_the_connection_as_it_was_left(scripted: Callable[[Script], list[str]]) -> None:
    used = scripted({"basic": [REFUSALS[0]], "ntlm": [ANSWER, ANSWER]})
    theirs = connection("winrm", **{**WINRM, "ansible_winrm_transport": ["basic", "ntlm"]})
    open_transport(theirs).send(b"<x/>")
    theirs._connect = None
    open_transport(theirs).send(b"<x/>")
    assert used == ["basic", "ntlm", "ntlm"]


def test_a_broken_connection_authenticates_anew() -> None:
    transport: Any = open_transport(connection("winrm", **WINRM))
    session = transport._transport.build_session()
    transport._transport.encryption = "a context"
    transport.reset()
    assert transport._transport.encryption is None
    assert transport._transport.build_session() is not session


def test_what_psrp_cannot_decode_is_an_answer_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """pypsrp makes text of every answer that it decrypts, as UTF-8, before it hands on the bytes."""
    transport: Any = open_transport(connection("psrp", **PSRP))
    answer = "<an answer/>".encode("utf-16")
    monkeypatch.setattr(transport._transport, "send", lambda message: answer.decode().encode())
    assert transport.send(b"<x/>") == answer


# --- files ---


def transferring(fails_with: Exception | None = None, content: bytes | None = b"held") -> Any:
    """A winrm connection whose transfers do as told; `seen` is the last one, `shells` counts those opened for it."""
    theirs = connection("winrm", **WINRM)
    theirs.shells = 0

    def open_shell(codepage: int) -> str:
        theirs.shells += 1
        return "a shell"

    def put_file(local: str, path: str) -> None:
        theirs.seen = (Path(local).read_bytes(), path, theirs.shell_id)
        print("a traceback", file=sys.stderr)
        if fails_with is not None:
            raise fails_with

    def fetch_file(path: str, local: str) -> None:
        put_file(__file__, path)
        if content is not None:
            Path(local).write_bytes(content)

    theirs.put_file, theirs.fetch_file = put_file, fetch_file
    transport = open_transport(theirs)
    theirs.protocol.open_shell = open_shell
    theirs.transport = transport
    return theirs


def in_the_course_of(inner: Exception) -> AnsibleError:
    """ansible's fetch_file wraps whatever happens."""
    error = AnsibleError("failed to transfer file")
    error.__context__ = inner
    return error


def test_files_go_through_the_connection_in_one_shell(capfd: pytest.CaptureFixture[str]) -> None:
    theirs = transferring()
    theirs.transport.put_file(b"new", r"C:\x")
    assert theirs.seen == (b"new", r"C:\x", "a shell")
    assert theirs.transport.fetch_file(r"C:\x") == b"held"
    assert theirs.shells == 1
    assert "a traceback" not in capfd.readouterr().err


@pytest.mark.parametrize(
    "error",
    [
        AnsibleError("Access to\r\n the path is denied\x1b[0m"),
        in_the_course_of(OSError("Access to the path is denied")),
    ],
)
def test_a_file_that_the_host_refuses(error: Exception) -> None:
    transport = transferring(error).transport
    for action in (lambda: transport.put_file(b"", r"C:\x"), lambda: transport.fetch_file(r"C:\x")):
        with pytest.raises(
            HostError, match=r"The host failed when (writing|reading) the file C:\\x: Access to the path is"
        ):
            action()


def test_a_line_that_breaks_under_a_transfer_is_no_refusal() -> None:
    with pytest.raises(NoConnection):
        transferring(in_the_course_of(NoConnection("reset"))).transport.fetch_file(r"C:\x")
    with pytest.raises(AnsibleConnectionFailure):
        transferring(AnsibleConnectionFailure("timed out")).transport.put_file(b"", r"C:\x")


def test_a_folder_is_no_file() -> None:
    with pytest.raises(HostError, match="a folder where the file"):
        transferring(content=None).transport.fetch_file(r"C:\x")
