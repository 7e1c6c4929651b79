# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an error of the libraries below means, as a word: the only place where somebody else's message is read.

requests, urllib3, pywinrm, pypsrp, spnego and ansible-core raise what they like, wrapped in one another. Type names and
numbers in the chain of causes identify most failures, so that no library needs to be imported here. Some failures
differ in nothing but an English sentence; `classify_library_text` turns those sentences into words. Nothing else in the
collection decides by a message.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from .deadlines import ClearText, DeadlinePassed, Redirected

# The connection or its library refused the user's variables before anything was sent: words of theirs, and what they
# mean. The first that is found in a message of the chain counts.
_REFUSALS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(words, re.IGNORECASE | re.DOTALL), kind)
    for words, kind in (
        ("read_timeout_sec must exceed operation_timeout_sec", "timeouts_contradict"),
        ("failed to parse read_timeout_sec", "read_timeout_is_no_number"),
        ("failed to parse operation_timeout_sec", "operation_timeout_is_no_number"),
        ("invalid server_cert_validation mode", "validation_is_unknown"),
        ("requires a username|the username must be specified", "no_account"),
        ("requires a password|the password must be specified", "no_password"),
        ("both cert_pem and cert_key_pem must be|path to the certificate", "certificate_needs_two_files"),
        ("cert_pem file not found|TLS certificate file", "certificate_is_missing"),
        ("cert_key_pem file not found|TLS key file", "certificate_key_is_missing"),
        ("For certificate auth, SSL must be used", "certificate_needs_https"),
        ("does not support transport|No transport found for WinRM", "authentication_is_unknown"),
        (
            "kerberos library is not installed|pykerberos is not installed|No module named '?gss",
            "kerberos_package_is_missing",
        ),
        ("requests_ntlm is not installed", "ntlm_package_is_missing"),
        ("requests[-_]credssp", "credssp_package_is_missing"),
        (
            "winrm or requests is not installed|xmltodict is not installed|pypsrp or dependencies are not installed",
            "package_is_missing",
        ),
        (
            "message encryption is set to 'always' but|Cannot use message encryption with auth",
            "encryption_is_impossible",
        ),
        ("message_encryption arg|The encryption value", "encryption_is_unknown"),
        ("Missing dependencies for SOCKS", "socks_package_is_missing"),
        ("check proxy URL|Proxy URL|proxy scheme|Not supported proxy", "proxy_is_no_url"),
        ("CA certificate bundle", "ca_is_missing"),
    )
)
# Whose words these are. None of them repeats words of the host.
_REFUSERS = frozenset(
    {
        *("AnsibleError", "AnsibleConnectionFailure", "ImportError", "ModuleNotFoundError", "OSError", "ValueError"),
        *("WinRMError", "InvalidCredentialsError", "InvalidSchema", "InvalidProxyURL", "ProxySchemeUnknown"),
    }
)
REFUSED = frozenset(
    {kind for _pattern, kind in _REFUSALS} | {"account_beyond_latin_1", "url_is_no_url", "ansible_refuses"}
)
"""Kinds of failures in which nothing was asked of any host: the user's variables were refused."""

# The first row that shares a type name with the chain of causes explains it.
_BY_TYPE: tuple[tuple[frozenset[str], str], ...] = tuple(
    (frozenset(types.split()), kind)
    for types, kind in (
        ("SSLError SSLEOFError SSLZeroReturnError", "tls_fails"),
        ("InvalidCredentialsError AuthenticationError", "credentials_are_rejected"),
        ("ProxyError ProxyConnectionError GeneralProxyError SOCKS5Error SOCKS5AuthError SOCKS4Error", "proxy_fails"),
        ("BadStatusLine HTTPException InvalidHeader LineTooLong UnknownProtocol", "answer_is_no_http"),
        ("ConnectionRefusedError", "connection_is_refused"),
        ("NameResolutionError gaierror", "name_is_unknown"),
        ("NewConnectionError", "host_is_out_of_reach"),
        ("ConnectTimeout ConnectTimeoutError", "connecting_takes_too_long"),
        ("ReadTimeout ReadTimeoutError TimeoutError", "answering_takes_too_long"),
        ("ChunkedEncodingError IncompleteRead ContentDecodingError", "answer_is_interrupted"),
        ("ConnectionError ProtocolError RemoteDisconnected ConnectionResetError", "connection_is_closed"),
    )
)
"""Type names of the libraries, most telling first: one error may wrap several of them."""

_BY_STATUS: Mapping[int, str] = MappingProxyType(
    {
        407: "proxy_wants_credentials",
        413: "request_is_too_large",
        429: "too_many_requests",
        502: "gateway_got_no_answer",
        504: "gateway_got_no_answer_in_time",
    }
)
_TUNNEL = re.compile(r"Tunnel connection failed: (407|413|429|502|504)\b")
_KINIT = re.compile(r"Kerberos auth failure")
_HANDSHAKE_SLOW = re.compile(r"handshake operation timed out")


@dataclass(frozen=True)
class LibraryFailure:
    """What happened to a message.

    Attributes:
        kind: A word, such as `name_is_unknown`; a key of the sentences in `transport_errors`.
        words: The innermost message of the chain, as its library wrote it. Not fit to be shown.
        status: The HTTP status, where there is one.
        number: OpenSSL's number of what is wrong with a certificate.
        seconds: How long it may have taken, for what took too long by our own deadlines.
        target: Where a redirect points to.
    """

    kind: str
    words: str = ""
    status: int | None = None
    number: int | None = None
    seconds: float = 0.0
    target: str = ""


def classify(error: BaseException) -> LibraryFailure:
    """The failure that an error of a connection or its libraries stands for. Kind `unknown` where nothing fits."""
    chain = list(chain_of(error))
    words = _last_words(chain)
    refused = classify_library_text(chain)
    # First: such an error came before any message, so nothing else in the chain can be the cause.
    if refused in REFUSED:
        return LibraryFailure(refused, words)
    certificate = next((link for link in chain if isinstance(link, ssl.SSLCertVerificationError)), None)
    if certificate is not None:
        return LibraryFailure("certificate", str(certificate.verify_message), number=certificate.verify_code)
    for link in chain:
        if isinstance(link, DeadlinePassed):
            return LibraryFailure(f"{link.what}_takes_too_long", words, seconds=link.seconds)
        if isinstance(link, Redirected):
            return LibraryFailure("redirected", words, link.status, target=link.target)
        if isinstance(link, ClearText):
            return LibraryFailure("clear_text", words)
    names = {type(link).__name__ for link in chain}
    status = _status(chain)
    if refused is not None:
        return LibraryFailure(refused, words, status)
    if type(error).__name__ in ("AnsibleError", "AnsibleConnectionFailure"):
        # ansible-core has made a sentence of it, and the cause below is in it.
        refuses = type(error).__name__ == "AnsibleError"
        return LibraryFailure("ansible_refuses" if refuses else "ansible_cannot_connect", str(error))
    # 401 says less than the type of the error does: it also ends a handshake that failed.
    if status in (None, 401):
        kind = next((kind for types, kind in _BY_TYPE if types & names), "unknown")
        return LibraryFailure(kind, words, status)
    return LibraryFailure(_BY_STATUS.get(status or 0, "status"), words, status)


def classify_library_text(chain: list[BaseException]) -> str | None:
    """What only a sentence of a library says; None where none of the sentences that are known here is in the chain."""
    if any(isinstance(link, UnicodeEncodeError) and link.encoding == "latin-1" for link in chain):
        return "account_beyond_latin_1"
    for link in chain:
        for pattern, kind in _REFUSALS if type(link).__name__ in _REFUSERS else ():
            if pattern.search(str(link)):
                return kind
    if {type(link).__name__ for link in chain} & {"InvalidURL", "LocationParseError", "MissingSchema", "InvalidSchema"}:
        return "url_is_no_url"
    # urllib3 makes a read timeout of it: the connection stands, and the other side does not take part in TLS.
    if any(isinstance(link, OSError) and _HANDSHAKE_SLOW.search(str(link)) for link in chain):
        return "tls_takes_too_long"
    if any(type(link).__name__ == "AnsibleConnectionFailure" and _KINIT.search(str(link)) for link in chain):
        return "kerberos_gives_no_ticket"
    return None


def _status(chain: list[BaseException]) -> int | None:
    """The HTTP status that a library's error carries, or that a proxy gave instead of a tunnel."""
    for link in chain:
        code = getattr(link, "code", None)
        if type(link).__name__ == "WinRMTransportError" and isinstance(code, int):
            return code
        response = getattr(link, "response", None)
        if type(link).__name__ == "HTTPError" and response is not None:
            return int(response.status_code)
        tunnel = _TUNNEL.search(str(link))
        if tunnel:
            return int(tunnel[1])
    return None


def is_refusal_of_transport(error: Exception) -> bool:
    """Whether another way to authenticate may fare better: the host or the library refused this one, nothing was done.

    HTTP 401, an empty HTTP 500 (which says that messages must be encrypted), or an error of the library's own, but
    nothing that has to do with the network, with time or with the answer.
    """
    chain = list(chain_of(error))
    names = {type(link).__name__ for link in chain}
    if {type(link).__name__ for link in chain if isinstance(link, OSError)} - {"HTTPError", "KerberosExchangeError"}:
        return False
    if names & {"DeadlinePassed", "Redirected", "ClearText", "RemoteProtocolError"}:
        return False
    return _status(chain) in (None, 401, 500)


def chain_of(error: BaseException) -> Iterator[BaseException]:
    """An error and all that it wraps: causes, contexts, and errors carried as its reason or in its arguments."""
    waiting, seen = [error], set()
    # Errors are wrapped in causes, contexts, reasons and arguments, and may refer to each other in a circle.
    while waiting:
        link = waiting.pop(0)
        if id(link) in seen:
            continue
        seen.add(id(link))
        yield link
        inner = (link.__cause__, link.__context__, getattr(link, "reason", None), *link.args)
        waiting += [other for other in inner if isinstance(other, BaseException)]


def _last_words(chain: list[BaseException]) -> str:
    """The innermost message."""
    return next((str(link) for link in reversed(chain) if str(link).strip()), "")
