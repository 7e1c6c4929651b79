# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One clear sentence for everything that can go wrong between the controller and WinRM, told to the right party.

The libraries below (requests, urllib3, pywinrm, pypsrp, spnego) raise what they like: an error is recognised by the
type names, numbers and words in its chain of causes, so that no library needs to be imported here. In a sentence
`where` is the endpoint, `words` the innermost message; other names are variables of the user's own connection.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator

from ..core.errors import NOTHING_ASKED, AccessDenied, HostError, HostUnreachable, RequestError, SmbGuestError
from ..core.text import one_line
from ..wsman.errors import RemoteProtocolError
from ..wsman.fault_codes import ACCESS_DENIED, number_in_words
from .deadlines import DeadlinePassed
from .peer import Peer
from .response_limits import ClearText, Redirected

_TRUST_IT = "Trust it with {ca}"
_NAME_IT = "Use the name that the certificate carries in ansible_host"

# OpenSSL's X509_V_ERR_* numbers: what is wrong with a certificate, and what to do.
_CERTIFICATES = {
    9: ("is not valid yet", "Check the clocks of both machines"),
    10: ("has expired", "Renew it on the host"),
    18: ("is self-signed", _TRUST_IT),
    19: ("comes from a root that is not trusted here", _TRUST_IT),
    20: ("comes from an issuer that is not trusted here", _TRUST_IT),
    62: ("is for another host name", _NAME_IT),
    64: ("is for another address", _NAME_IT),
}

# What the connection or its library refuses before anything is sent: words of theirs, and what they mean for the user.
# The first that is found in a message of the chain counts. {0}: what the parentheses caught.
_REFUSALS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(words, re.IGNORECASE | re.DOTALL), text)
    for words, text in (
        (
            "read_timeout_sec must exceed operation_timeout_sec",
            "{read_timeout} (default 30) must be larger than {operation_timeout} (default 20), and both at least 1.",
        ),
        (
            "failed to parse (read|operation)_timeout_sec",
            "The timeout ansible_winrm_{0}_timeout_sec is no whole number.",
        ),
        ("invalid server_cert_validation mode", "{validation} must be 'validate' or 'ignore'."),
        (
            "requires a username|the username must be specified",
            "No account is set for this host: set ansible_user (ansible_ssh_user is for SSH alone).",
        ),
        (
            "requires a password|the password must be specified",
            "No password is set for this host: set ansible_password.",
        ),
        (
            "both cert_pem and cert_key_pem must be|path to the certificate",
            "Authentication by certificate needs two files: set {certificate} and {certificate_key}.",
        ),
        ("cert_pem file not found|TLS certificate file", "The file that {certificate} names does not exist."),
        ("cert_key_pem file not found|TLS key file", "The file that {certificate_key} names does not exist."),
        ("For certificate auth, SSL must be used", "Authentication by certificate needs HTTPS: set {scheme}."),
        (
            "does not support transport",
            "{auth} names no authentication of {package}: basic, certificate, ntlm, kerberos or credssp.",
        ),
        (
            "kerberos library is not installed|pykerberos is not installed|No module named '?gss",
            "Kerberos needs a Python package that is missing on the controller: pip install {package}[kerberos].",
        ),
        (
            "requests_ntlm is not installed",
            "NTLM needs a Python package that is missing on the controller: pip install requests_ntlm.",
        ),
        (
            "requests[-_]credssp",
            "CredSSP needs a Python package that is missing on the controller: pip install {package}[credssp].",
        ),
        (
            "message encryption is set to 'always' but|Cannot use message encryption with auth",
            "{encryption} asks for what the authentication in {auth} cannot do: set ntlm, kerberos or credssp.",
        ),
        ("message_encryption arg|The encryption value", "{encryption} must be auto, always or never."),
        (
            "Missing dependencies for SOCKS",
            "The SOCKS proxy in {proxy} needs a Python package that is missing on the controller: pip install pysocks.",
        ),
        ("check proxy URL|Proxy URL|proxy scheme|Not supported proxy", "{proxy} is no URL of a proxy."),
        ("CA certificate bundle", "The file of trusted certificates does not exist or cannot be read: check {ca}."),
    )
)
# Whose words these are. None of them repeats words of the host.
_REFUSERS = frozenset(
    {
        *("AnsibleError", "AnsibleConnectionFailure", "ImportError", "ModuleNotFoundError", "OSError", "ValueError"),
        *("WinRMError", "InvalidCredentialsError", "InvalidSchema", "InvalidProxyURL", "ProxySchemeUnknown"),
    }
)
_OUTSIDE_LATIN_1 = (
    "ansible_user or ansible_password holds characters that Basic cannot carry: set {auth} to ntlm or kerberos."
)
_NO_URL = "{where} cannot be called ({words}). Check ansible_host, ansible_port and {path}."
_NOTHING_ASKED = f" {NOTHING_ASKED}"

_CREDENTIALS_REJECTED = frozenset({"InvalidCredentialsError", "AuthenticationError"})
# The first row that shares a type name with the chain of causes explains it.
_BY_TYPE: tuple[tuple[frozenset[str], str], ...] = (
    (
        frozenset({"SSLError", "SSLEOFError", "SSLZeroReturnError"}),
        (
            "TLS: {where} does not complete a TLS handshake ({words}). Check that the port is an HTTPS listener, or "
            "set {scheme} to http."
        ),
    ),
    (
        _CREDENTIALS_REJECTED,
        (
            "{where} rejected the credentials (HTTP 401). Check ansible_user and ansible_password, and that the "
            "authentication in {auth} is enabled on the host (winrm get winrm/config/service/auth)."
        ),
    ),
    (
        frozenset(
            {"ProxyError", "ProxyConnectionError", "GeneralProxyError", "SOCKS5Error", "SOCKS5AuthError", "SOCKS4Error"}
        ),
        (
            "The proxy on the way to {where} cannot be reached or refuses ({words}). Check {proxy} and the environment "
            "variables http_proxy, https_proxy and no_proxy. The host itself was not asked."
        ),
    ),
    (
        frozenset({"BadStatusLine", "HTTPException", "InvalidHeader", "LineTooLong", "UnknownProtocol"}),
        "{where} answers, but not in HTTP ({words}): this is not a WinRM listener. Check ansible_port.",
    ),
    (
        frozenset({"ConnectionRefusedError"}),
        (
            "{where} refused the connection: nothing listens there. Check ansible_port, and that WinRM is configured "
            "on the host (winrm quickconfig)."
        ),
    ),
    (
        frozenset({"NameResolutionError", "gaierror"}),
        "{where}: the host name cannot be resolved. Check ansible_host.",
    ),
    (
        frozenset({"NewConnectionError"}),
        "{where} cannot be reached ({words}). Check address, route and firewall.",
    ),
    (
        frozenset({"ConnectTimeout", "ConnectTimeoutError"}),
        "{where} did not answer the connection in time. Check address and firewall, and that the host is on.",
    ),
    (
        frozenset({"ReadTimeout", "ReadTimeoutError", "TimeoutError"}),
        ("{where} took the request but gave no answer in time. It may be overloaded: {read_timeout} gives it longer."),
    ),
    (
        frozenset({"ChunkedEncodingError", "IncompleteRead", "ContentDecodingError"}),
        "{where} cut its answer off in the middle. Try again, and look for a proxy in between.",
    ),
    (
        frozenset({"ConnectionError", "ProtocolError", "RemoteDisconnected", "ConnectionResetError"}),
        (
            "{where} closed the connection without an answer. Check that the port is a WinRM listener of the scheme in "
            "use, and that WinRM runs."
        ),
    ),
)

_UNENCRYPTED_REFUSED = (
    "{where} answered HTTP 500 without a word: WinRM does so when it refuses unencrypted messages. Set {auth} to "
    "ntlm or kerberos with their message encryption, or use HTTPS."
)
_BUSY = "{where} answered HTTP {status} without a SOAP message. WinRM may be busy or restarting: try again."
_NO_WINRM = "{where} answered HTTP {status}: this is not a WinRM listener. Check ansible_port and {path}."
# Statuses that something between here and the host answers, or a host in its name.
_ON_THE_WAY = {
    407: "A proxy on the way to {where} wants credentials (HTTP 407). Put them into the URL in {proxy}.",
    413: "Something on the way to {where} takes no message of this size (HTTP 413). Go round the proxy.",
    429: "{where}, or something on the way to it, wants fewer requests (HTTP 429). Run with fewer forks.",
    502: "A gateway on the way to {where} got no right answer (HTTP 502). Check the host, and the gateway.",
    504: "A gateway on the way to {where} got no answer in time (HTTP 504). Check the host, and the gateway.",
}
_REDIRECTED = (
    "{where} answered HTTP {status} and points to {words}: this is not a WinRM listener, or a proxy or a portal is in "
    "between. It was not followed. Check ansible_host, ansible_port and {path}."
)
_CLEAR_TEXT = (
    "{where} answered an encrypted message in clear text, which anybody on the way could have written. The answer was "
    "not used. Look for a proxy in between, and for another program on that port."
)
_TOO_SLOW = (
    "{where} took longer than the {seconds:g} seconds that one message may take. The host is overloaded, or something "
    "else answers on that port. {operation_timeout} or winops_smb_guest_message_timeout gives it longer."
)
_COMMAND_TOO_SLOW = (
    "A program that was started on {where} did not end within the {seconds:g} seconds that it may take, and was ended "
    "with its shell. winops_smb_guest_message_timeout gives it longer."
)
_TASK_TOO_SLOW = (
    "The task took longer than the {seconds:g} seconds that it may take with {where}. "
    "winops_smb_guest_task_timeout gives it longer."
)
_UNKNOWN = (
    "{where}: the WinRM library gave up ({error}: {words}). Check that a WinRM listener is there and that the "
    "authentication in {auth} is enabled on it."
)
_BEYOND_ASCII = (
    " Basic sends names outside ASCII in an encoding that the host may read otherwise: use ntlm or kerberos."
)


def explain(error: BaseException, peer: Peer, *, answered: bool) -> SmbGuestError:
    """What happened to a message, and what to do. answered: whether the host has answered before.

    RequestError where nothing was asked of any host, else HostUnreachable.
    """
    chain = list(_chain(error))
    told = _refusal(chain, peer)
    if told is not None:
        return told
    certificate = next((link for link in chain if isinstance(link, ssl.SSLCertVerificationError)), None)
    if certificate is not None:
        return HostUnreachable(_certificate(certificate, peer))
    stopped = _guarded(chain, peer)
    if stopped is not None:
        return stopped
    names = {type(link).__name__ for link in chain}
    status = _status(chain)
    if status in (None, 401):
        template = next((text for types, text in _BY_TYPE if types & names), _UNKNOWN)
        if "rejected the credentials" in template and peer.auth in ("basic", "plaintext") and not peer.plain_account:
            template += _BEYOND_ASCII
    elif status in _ON_THE_WAY:
        template = _ON_THE_WAY[status]
    elif status == 500 and peer.endpoint.startswith("http:") and not answered:
        template = _UNENCRYPTED_REFUSED
    else:
        template = _BUSY if answered or status in (500, 503) else _NO_WINRM
    if peer.tried:
        template += f" The host refused {', '.join(peer.tried)} before."
    unreachable = HostUnreachable(
        template.format(
            where=peer.endpoint,
            status=status,
            error=type(error).__name__,
            words=peer.foreign(_last_words(chain)),
            **peer.variables,
        )
    )
    if names & _CREDENTIALS_REJECTED:
        unreachable.kind = "credentials_rejected"
    return unreachable


def _refusal(chain: list[BaseException], peer: Peer) -> RequestError | None:
    """What the connection refused of the user's variables, before anything was sent."""
    if any(isinstance(link, UnicodeEncodeError) and link.encoding == "latin-1" for link in chain):
        return RequestError(_OUTSIDE_LATIN_1.format(**peer.variables) + _NOTHING_ASKED)
    names = {type(link).__name__ for link in chain}
    for link in chain:
        for pattern, text in _REFUSALS if type(link).__name__ in _REFUSERS else ():
            found = pattern.search(str(link))
            if found:
                return RequestError(text.format(*found.groups(), **peer.variables) + _NOTHING_ASKED)
    if names & {"InvalidURL", "LocationParseError", "MissingSchema", "InvalidSchema"}:
        words = peer.foreign(_last_words(chain))
        return RequestError(_NO_URL.format(where=peer.endpoint, words=words, **peer.variables) + _NOTHING_ASKED)
    return None


def _guarded(chain: list[BaseException], peer: Peer) -> HostError | None:
    """What our own limits stopped."""
    for link in chain:
        if isinstance(link, DeadlinePassed):
            if link.what == "command":
                return HostError(_COMMAND_TOO_SLOW.format(where=peer.endpoint, seconds=link.seconds))
            template = _TOO_SLOW if link.what == "message" else _TASK_TOO_SLOW
            return HostUnreachable(template.format(where=peer.endpoint, seconds=link.seconds, **peer.variables))
        if isinstance(link, Redirected):
            target = peer.foreign(link.target, 100) if link.target else "nowhere"
            text = _REDIRECTED.format(where=peer.endpoint, status=link.status, words=target, **peer.variables)
            return HostUnreachable(text)
        if isinstance(link, ClearText):
            return HostUnreachable(_CLEAR_TEXT.format(where=peer.endpoint))
    return None


def explain_shell_fault(error: Exception, peer: Peer) -> HostError | None:
    """A SOAP fault that pywinrm or pypsrp parsed itself, which they do for shells only."""
    if type(error).__name__ != "WSManFaultError":
        return None
    code = getattr(error, "wsman_fault_code", None) or getattr(error, "code", None)
    if isinstance(code, int) and code in ACCESS_DENIED:
        return AccessDenied("opening a shell")
    words = peer.foreign(str(getattr(error, "reason", None) or error))
    number = f" {number_in_words(code)}" if isinstance(code, int) else ""
    return HostError(f"The host refused a shell: {words}{number}")


def _certificate(error: ssl.SSLCertVerificationError, peer: Peer) -> str:
    unknown = (f"was not accepted ({one_line(error.verify_message, 80)})", "Check it on the host")
    problem, cure = _CERTIFICATES.get(error.verify_code, unknown)
    return f"TLS: the certificate of {peer.endpoint} {problem}. {cure.format(**peer.variables)}; nothing was sent."


def is_refusal_of_transport(error: Exception) -> bool:
    """Whether another way to authenticate may fare better: the host or the library refused this one, nothing was done.

    HTTP 401, an empty HTTP 500 (which says that messages must be encrypted), or an error of the library's own, but
    nothing that has to do with the network, with time or with the answer.
    """
    chain = list(_chain(error))
    kinds = {type(link).__name__ for link in chain if isinstance(link, OSError)}
    if kinds - {"HTTPError", "KerberosExchangeError"}:
        return False
    if any(isinstance(link, (DeadlinePassed, Redirected, ClearText, RemoteProtocolError)) for link in chain):
        return False
    return _status(chain) in (None, 401, 500)


def _status(chain: list[BaseException]) -> int | None:
    """The HTTP status that a library's error carries, or that a proxy gave instead of a tunnel."""
    for link in chain:
        code = getattr(link, "code", None)
        if type(link).__name__ == "WinRMTransportError" and isinstance(code, int):
            return code
        response = getattr(link, "response", None)
        if type(link).__name__ == "HTTPError" and response is not None:
            return int(response.status_code)
        tunnel = re.search(r"Tunnel connection failed: (407|413|429|502|504)\b", str(link))
        if tunnel:
            return int(tunnel[1])
    return None


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error and all that it wraps: causes, contexts, and errors carried as its reason or in its arguments."""
    waiting, seen = [error], set()
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
