# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One clear sentence for everything that can go wrong between the controller and WinRM.

The libraries below (requests, urllib3, pywinrm, pypsrp, spnego) raise what they like: an error is recognised by the
type names and numbers in its chain of causes, so that no library needs to be imported here.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator

from ..errors import AccessDenied, HostError, HostUnreachable
from ..wsman.fault_codes import ACCESS_DENIED

_TRUST_IT = "Trust it with ansible_winrm_ca_trust_path (psrp: ansible_psrp_ca_cert)"
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

# The first row that shares a type name with the chain of causes explains it. {words}: the innermost message.
_BY_TYPE: tuple[tuple[frozenset[str], str], ...] = (
    (
        frozenset({"SSLError", "SSLEOFError", "SSLZeroReturnError"}),
        (
            "TLS: {where} does not complete a TLS handshake ({words}). Check that the port is an HTTPS listener, or "
            "set the scheme to http."
        ),
    ),
    (
        frozenset({"InvalidCredentialsError", "AuthenticationError"}),
        (
            "{where} rejected the credentials (HTTP 401). Check ansible_user and ansible_password, and that the "
            "authentication transport in use is enabled on the host (winrm get winrm/config/service/auth)."
        ),
    ),
    (
        frozenset({"ProxyError"}),
        "{where}: the proxy on the way refuses ({words}). Check ansible_winrm_proxy and the proxy variables.",
    ),
    (
        frozenset({"BadStatusLine", "InvalidHeader", "LocationParseError"}),
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
        (
            "{where} took the request but gave no answer in time. It may be overloaded: ansible_winrm_read_timeout_sec "
            "(psrp: ansible_psrp_read_timeout) gives it longer."
        ),
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
    "{where} answered HTTP 500 without a word: WinRM does so when it refuses unencrypted messages. Use "
    "ansible_winrm_transport ntlm or kerberos with their message encryption, or HTTPS."
)
_BUSY = "{where} answered HTTP {status} without a SOAP message. WinRM may be busy or restarting: try again."
_NO_WINRM = "{where} answered HTTP {status}: this is not a WinRM listener. Check ansible_port and ansible_winrm_path."
_UNKNOWN = (
    "{where}: the WinRM library gave up ({error}: {words}). Check that a WinRM listener is there and that the "
    "transport in use is enabled on it."
)


def explain(error: BaseException, endpoint: str, *, answered: bool) -> HostUnreachable:
    """What happened to a message to `endpoint`, and what to do. answered: whether the host has answered before."""
    chain = list(_chain(error))
    certificate = next((link for link in chain if isinstance(link, ssl.SSLCertVerificationError)), None)
    if certificate is not None:
        return HostUnreachable(_certificate(certificate, endpoint))
    names = {type(link).__name__ for link in chain}
    status = next((getattr(link, "code", None) for link in chain if type(link).__name__ == "WinRMTransportError"), None)
    if status is None:
        template = next((text for types, text in _BY_TYPE if types & names), _UNKNOWN)
    elif status == 500 and endpoint.startswith("http:") and not answered:
        template = _UNENCRYPTED_REFUSED
    else:
        template = _BUSY if answered or status in (500, 503) else _NO_WINRM
    return HostUnreachable(
        template.format(where=endpoint, status=status, error=type(error).__name__, words=_last_words(chain))
    )


def explain_shell_fault(error: Exception) -> HostError | None:
    """A SOAP fault that pywinrm or pypsrp parsed itself, which they do for shells only."""
    if type(error).__name__ != "WSManFaultError":
        return None
    code = getattr(error, "wsman_fault_code", None) or getattr(error, "code", None)
    if isinstance(code, int) and code in ACCESS_DENIED:
        return AccessDenied("opening a shell")
    return HostError(f"The host refused a shell: {getattr(error, 'reason', None) or error}")


def _certificate(error: ssl.SSLCertVerificationError, endpoint: str) -> str:
    unknown = (f"was not accepted ({error.verify_message})", "Check it on the host")
    problem, cure = _CERTIFICATES.get(error.verify_code, unknown)
    return f"TLS: the certificate of {endpoint} {problem}. {cure}; nothing was sent."


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
    """The innermost message, short and on one line."""
    words = next((" ".join(str(link).split()) for link in reversed(chain) if str(link).strip()), "no reason given")
    return words if len(words) <= 160 else words[:157] + "..."
