# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""SMB messages and NTLM tokens: what Samba 4.17 sent, and bytes of a peer that means no good."""

from __future__ import annotations

import struct
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
import spnego
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.winops.smb_guest.plugins.plugin_utils.probe.logon import (
    AnonymousLogon,
    Identity,
    LogonAccount,
    UserLogon,
    mechanisms,
    read_challenge,
    unknown_account,
)
from ansible_collections.winops.smb_guest.plugins.plugin_utils.probe.messages import (
    DIALECTS,
    IS_GUEST,
    Negotiated,
    SessionAnswer,
    Smb1Negotiated,
    negotiate_request,
    read_negotiated,
    read_session_setup,
    read_smb1_negotiated,
    session_setup_request,
    smb1_negotiate_request,
)
from ansible_collections.winops.smb_guest.plugins.plugin_utils.probe.peer import Failure, NoAnswer
from ansible_collections.winops.smb_guest.tests.unit.plugins.plugin_utils.probe.peers import RECORDED

NEGOTIATED, CHALLENGE, LET_IN = (bytes.fromhex(answer) for answer in RECORDED["guest"][0])
REFUSED = bytes.fromhex(RECORDED["accounts"][0][2])
SMB1 = bytes.fromhex(RECORDED["smb1_only"][1][0])
NO_SMB1 = bytes.fromhex(RECORDED["guest"][-1][0])
OLD_ONLY = bytes.fromhex(RECORDED["old"][2][0])
TOKEN = read_session_setup(CHALLENGE).token


def test_what_a_server_negotiated() -> None:
    negotiated = read_negotiated(NEGOTIATED, DIALECTS)
    assert negotiated == Negotiated(
        "3.1.1", True, False, True, "AES-128-GCM", "70726f62-656e-6173-0000-000000000000", negotiated.token
    )
    assert mechanisms(negotiated.token) == ["NTLM"]
    signing = read_negotiated(bytes.fromhex(RECORDED["accounts"][0][0]), DIALECTS)
    assert (signing.signing_enabled, signing.signing_required) == (True, True)
    old = read_negotiated(bytes.fromhex(RECORDED["old"][0][0]), DIALECTS)
    assert (old.dialect, old.encryption, old.cipher) == ("2.1", False, None)


def test_a_dialect_that_was_not_offered_is_no_answer() -> None:
    with pytest.raises(NoAnswer) as no_answer:
        read_negotiated(NEGOTIATED, [0x0202])
    assert no_answer.value.failure is Failure.FOREIGN


def test_a_server_that_speaks_no_such_dialect() -> None:
    with pytest.raises(NoAnswer) as no_answer:
        read_negotiated(OLD_ONLY, [0x0202])
    assert no_answer.value.failure is Failure.NO_DIALECT


def test_what_became_of_a_logon() -> None:
    assert read_session_setup(LET_IN).flags == IS_GUEST
    assert read_session_setup(LET_IN).status == 0
    refused = read_session_setup(REFUSED)
    assert refused == SessionAnswer(0xC000006D, refused.session_id, 0, b"")


def test_smb1() -> None:
    assert read_smb1_negotiated(SMB1) == Smb1Negotiated(False, False)
    assert read_smb1_negotiated(SMB1[:35] + b"\x0f" + SMB1[36:]) == Smb1Negotiated(True, True)
    with pytest.raises(NoAnswer) as no_answer:
        read_smb1_negotiated(NO_SMB1)
    assert no_answer.value.failure is Failure.NO_DIALECT


def test_the_fields_of_a_negotiate_request() -> None:
    """MS-SMB2 2.2.3, read here without smbprotocol."""
    for dialects in ([0x0202], [0x0210], [0x0300], list(DIALECTS)):
        request = negotiate_request(*dialects)
        size, count, mode, _reserved, capabilities = struct.unpack_from("<HHHHL", request, 64)
        assert (size, count, mode) == (36, len(dialects), 1)
        assert capabilities == (0x40 if dialects[-1] >= 0x0300 else 0)
        assert list(struct.unpack_from(f"<{count}H", request, 100)) == dialects
        offset, contexts = struct.unpack_from("<LH", request, 92)
        if 0x0311 in dialects:
            assert contexts == 2
            assert struct.unpack_from("<H", request, offset)[0] == 1  # preauthentication integrity comes first here


def test_every_negotiate_request_comes_from_another_client() -> None:
    """ClientGuid, which 2.0.2 does not have: connections with the same one belong together to a server."""
    guids = [negotiate_request(*dialects)[76:92] for dialects in 50 * [list(DIALECTS), [0x0210], [0x0311]]]
    assert len(set(guids)) == len(guids)
    assert negotiate_request(0x0202)[76:92] == bytes(16)


def test_a_session_setup_asks_for_no_signature() -> None:
    """A guest has no key. MS-SMB2 2.2.5: SecurityMode is the fourth byte."""
    request = session_setup_request(b"token", 7, 0x1122)
    assert struct.unpack_from("<HBB", request, 64) == (25, 0, 1)
    assert struct.unpack_from("<Q", request, 24) == (7,)
    assert struct.unpack_from("<Q", request, 40) == (0x1122,)
    assert request.endswith(b"token")


def test_smb1_is_offered_one_dialect() -> None:
    request = smb1_negotiate_request()
    assert request.startswith(b"\xffSMB\x72")
    assert request[32:] == b"\x00\x0c\x00\x02NT LM 0.12\x00"


def test_what_a_challenge_says() -> None:
    assert read_challenge(TOKEN) == Identity(
        netbios_name="PROBENAS", netbios_domain="PROBENAS", dns_name="vm", version="6.1.0"
    )
    assert read_challenge(b"") is None
    assert read_challenge(b"NTLMSSP\x00\x01") is None


def _challenge(*pairs: tuple[int, bytes]) -> bytes:
    body = b"".join(struct.pack("<HH", kind, len(value)) + value for kind, value in pairs)
    head = b"NTLMSSP\x00" + struct.pack("<L", 2) + struct.pack("<HHL", 0, 0, 0) + struct.pack("<L", 0)
    return head + b"8bytes!!" + b"\x00" * 8 + struct.pack("<HHL", len(body), len(body), 48) + body


def test_a_name_cannot_steer_a_terminal() -> None:
    evil = "NAS\x1b[2J\n\u202eevil\x00" + "x" * 400
    said = read_challenge(_challenge((1, evil.encode("utf-16-le")), (4, b"\x00\xd8"), (0, b"")))
    assert said
    assert said.netbios_name
    assert said.netbios_name.isprintable()
    assert len(said.netbios_name) <= 255
    assert said.dns_domain
    assert said.dns_domain.isprintable()


def test_an_unknown_account_is_another_one_each_time() -> None:
    accounts = [unknown_account() for _number in range(50)]
    assert len({account.name for account in accounts}) == len({account.password for account in accounts}) == 50
    assert all(account.name.startswith("guest-probe-") and len(account.name) <= 20 for account in accounts)


@pytest.mark.parametrize("name", ["scans", "EXAMPLE\\scans", "scans@example.com"])
def test_a_logon_offers_ntlm_alone(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With Kerberos in it the library would ask the domain first: a second try of one password."""
    real, protocols = spnego.client, []

    def client(credential: Any, **options: Any) -> Any:
        protocols.append(options["protocol"])
        return real(credential, **options)

    monkeypatch.setattr(spnego, "client", client)
    first = UserLogon(LogonAccount(name, "pw"), "nas01").step(None)
    assert first
    assert mechanisms(first) == ["NTLM"]
    assert first.count(b"NTLMSSP\x00") == 1
    assert protocols == ["negotiate", "ntlm"]


def test_a_logon_answers_the_challenge_with_the_name() -> None:
    logon = UserLogon(LogonAccount("EXAMPLE\\scans", "pw"), "nas01")
    logon.step(None)
    answer = logon.step(TOKEN)
    assert answer
    assert "scans".encode("utf-16-le") in answer
    assert b"pw" not in answer
    assert "pw".encode("utf-16-le") not in answer


def test_an_anonymous_logon_has_no_name() -> None:
    """MS-NLMP 3.2.5.1.2: user name and NT response empty, the LM response one zero byte."""
    logon = AnonymousLogon()
    assert mechanisms(logon.step(None) or b"") == ["NTLM"]
    answer = logon.step(TOKEN) or b""
    message = answer[answer.index(b"NTLMSSP\x00") :]
    fields = [struct.unpack_from("<HHL", message, 12 + 8 * number) for number in range(6)]
    assert struct.unpack_from("<L", message, 8) == (3,)
    assert [length for length, _allocated, _offset in fields] == [1, 0, 0, 0, 0, 0]
    assert message[fields[0][2]] == 0
    assert all(offset <= len(message) for _length, _allocated, offset in fields)
    assert struct.unpack_from("<L", message, 60)[0] & 0x800
    assert logon.step(b"nothing of NTLM") is None


READERS: list[tuple[Callable[[bytes], Any], bytes]] = [
    (lambda answer: read_negotiated(answer, DIALECTS), NEGOTIATED),
    (read_session_setup, CHALLENGE),
    (read_session_setup, LET_IN),
    (read_smb1_negotiated, SMB1),
    (read_challenge, TOKEN),
]


def _read(reader: Callable[[bytes], Any], answer: bytes) -> None:
    """It reads, or says that it cannot; any other error ends the test."""
    with suppress(NoAnswer):
        reader(answer)


@pytest.mark.parametrize(("reader", "genuine"), READERS)
@given(data=st.data())
@settings(max_examples=300)
def test_damaged_answers(reader: Callable[[bytes], Any], genuine: bytes, data: st.DataObject) -> None:
    """A few bytes of a real answer replaced, and its end dropped or made longer."""
    damaged = bytearray(genuine)
    for place in data.draw(st.lists(st.integers(0, len(genuine) - 1), max_size=6)):
        damaged[place] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(genuine)))
    _read(reader, bytes(damaged[:cut]) + data.draw(st.binary(max_size=80)))


@pytest.mark.parametrize(("reader", "genuine"), READERS)
@given(noise=st.binary(max_size=600))
def test_noise(reader: Callable[[bytes], Any], genuine: bytes, noise: bytes) -> None:
    _read(reader, noise)
    _read(reader, genuine[:64] + noise)


@given(token=st.binary(max_size=400), place=st.integers(0, 300))
def test_tokens_of_a_peer_that_means_no_good(token: bytes, place: int) -> None:
    for hostile in (token, TOKEN[:place] + token + TOKEN[place + len(token) :]):
        for logon in (UserLogon(LogonAccount("scans", "pw"), "nas01"), AnonymousLogon()):
            logon.step(None)
            _read(lambda hostile, logon=logon: logon.step(hostile), hostile)
