# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One clear sentence for everything that can go wrong between the control node and WinRM.

What happened is decided in `library_errors`; here each kind of failure has its sentence. In a sentence `where` is the
endpoint, `words` the innermost message of the libraries; other names are variables of the user's own connection.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from ..core.errors import AccessDenied, HostError, HostState, HostUnreachable, RequestError, SmbGuestError
from ..wsman.fault_codes import ACCESS_DENIED, number_in_words
from .library_errors import REFUSED, LibraryFailure, classify
from .peer import Peer

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

# What was refused before anything was sent.
_REFUSALS: Mapping[str, str] = MappingProxyType(
    {
        "timeouts_contradict": (
            "{read_timeout} (default 30) must be larger than {operation_timeout} (default 20), and both at least 1."
        ),
        "read_timeout_is_no_number": "The timeout {read_timeout} is no whole number.",
        "operation_timeout_is_no_number": "The timeout {operation_timeout} is no whole number.",
        "validation_is_unknown": "{validation} must be 'validate' or 'ignore'.",
        "no_account": "No account is set for this host: set ansible_user (ansible_ssh_user is for SSH alone).",
        "no_password": "No password is set for this host: set ansible_password.",
        "certificate_needs_two_files": (
            "Authentication by certificate needs two files: set {certificate} and {certificate_key}."
        ),
        "certificate_is_missing": "The file that {certificate} names does not exist.",
        "certificate_key_is_missing": "The file that {certificate_key} names does not exist.",
        "certificate_needs_https": "Authentication by certificate needs HTTPS: set {scheme}.",
        "authentication_is_unknown": (
            "{auth} names no authentication of {package}: basic, certificate, ntlm, kerberos or credssp."
        ),
        "kerberos_package_is_missing": (
            "Kerberos needs a Python package that is missing on the control node: pip install {package}[kerberos]."
        ),
        "ntlm_package_is_missing": (
            "NTLM needs a Python package that is missing on the control node: pip install requests_ntlm."
        ),
        "credssp_package_is_missing": (
            "CredSSP needs a Python package that is missing on the control node: pip install {package}[credssp]."
        ),
        "package_is_missing": (
            "The Python package {package} is missing on the control node, or one that it needs: pip install {package}."
        ),
        "encryption_is_impossible": (
            "{encryption} asks for what the authentication in {auth} cannot do: set ntlm, kerberos or credssp."
        ),
        "encryption_is_unknown": "{encryption} must be auto, always or never.",
        "socks_package_is_missing": (
            "The SOCKS proxy in {proxy} needs a Python package that is missing on the control node: pip install "
            "pysocks."
        ),
        "proxy_is_no_url": "{proxy} is no URL of a proxy.",
        "ca_is_missing": "The file of trusted certificates does not exist or cannot be read: check {ca}.",
        "account_beyond_latin_1": (
            "ansible_user or ansible_password holds characters that Basic cannot carry: set {auth} to ntlm or kerberos."
        ),
        "ansible_refuses": "ansible-core refuses the connection: {words}",
        "url_is_no_url": "{where} cannot be called ({words}). Check ansible_host, ansible_port and {path}.",
    }
)

_SENTENCES: Mapping[str, str] = MappingProxyType(
    {
        "tls_fails": (
            "TLS: {where} does not complete a TLS handshake ({words}). Check that the port is an HTTPS listener, or "
            "set {scheme} to http."
        ),
        "tls_takes_too_long": (
            "TLS: {where} does not complete a TLS handshake in time. Check that the port is an HTTPS listener, or set "
            "{scheme} to http."
        ),
        "credentials_are_rejected": (
            "{where} rejected the credentials (HTTP 401). Check ansible_user and ansible_password, and that the "
            "authentication in {auth} is enabled on the host (winrm get winrm/config/service/auth)."
        ),
        "proxy_fails": (
            "The proxy on the way to {where} cannot be reached or refuses ({words}). Check {proxy} and the environment "
            "variables http_proxy, https_proxy and no_proxy. The host itself was not asked."
        ),
        "answer_is_no_http": (
            "{where} answers, but not in HTTP ({words}): this is not a WinRM listener. Check ansible_port."
        ),
        "connection_is_refused": (
            "{where} refused the connection: nothing listens there. Check ansible_port, and that WinRM is configured "
            "on the host (winrm quickconfig)."
        ),
        "name_is_unknown": "{where}: the host name cannot be resolved. Check ansible_host.",
        "host_is_out_of_reach": "{where} cannot be reached ({words}). Check address, route and firewall.",
        "connecting_takes_too_long": (
            "{where} did not answer the connection in time. Check address and firewall, and that the host is on."
        ),
        "answering_takes_too_long": (
            "{where} took the request but gave no answer in time. It may be overloaded: {read_timeout} gives it longer."
        ),
        "answer_is_interrupted": ("The answer of {where} was interrupted. Try again, and look for a proxy in between."),
        "connection_is_closed": (
            "{where} closed the connection without an answer. Check that the port is a WinRM listener of the scheme in "
            "use, and that WinRM runs."
        ),
        "proxy_wants_credentials": (
            "A proxy on the way to {where} wants credentials (HTTP 407). Put them into the URL in {proxy}."
        ),
        "request_is_too_large": (
            "{where} takes no message of this size (HTTP 413). Check MaxEnvelopeSizekb on the host (winrm get "
            "winrm/config), and proxies in between."
        ),
        "too_many_requests": (
            "{where}, or something on the way to it, wants fewer requests (HTTP 429). Run with fewer forks."
        ),
        "gateway_got_no_answer": (
            "A gateway on the way to {where} got no right answer (HTTP 502). Check the host, and the gateway."
        ),
        "gateway_got_no_answer_in_time": (
            "A gateway on the way to {where} got no answer in time (HTTP 504). Check the host, and the gateway."
        ),
        "unencrypted_is_refused": (
            "{where} answered HTTP 500 without a word: WinRM does so when it refuses unencrypted messages. Set {auth} "
            "to ntlm or kerberos with their message encryption, or use HTTPS."
        ),
        "busy": "{where} answered HTTP {status} without a SOAP message. WinRM may be busy or restarting: try again.",
        "no_winrm": "{where} answered HTTP {status}: this is not a WinRM listener. Check ansible_port and {path}.",
        "redirected": (
            "{where} answered HTTP {status} and points to {target}: this is not a WinRM listener, or a proxy or a "
            "portal is in between. It was not followed. Check ansible_host, ansible_port and {path}."
        ),
        "clear_text": (
            "{where} answered an encrypted message in clear text, which anybody on the way could have written. The "
            "answer was not used. Look for a proxy in between, and for another program on that port."
        ),
        "message_takes_too_long": (
            "{where} took longer than the {seconds:g} seconds that one message may take. The host is overloaded, or "
            "something else answers on that port. {operation_timeout} or winops_smb_guest_message_timeout gives it "
            "longer."
        ),
        "command_takes_too_long": (
            "A program that was started on {where} did not end within the {seconds:g} seconds that it may take, and "
            "was ended with its shell. winops_smb_guest_message_timeout gives it longer."
        ),
        "task_takes_too_long": (
            "The task took longer than the {seconds:g} seconds that it may take with {where}. "
            "winops_smb_guest_task_timeout gives it longer."
        ),
        "kerberos_gives_no_ticket": (
            "No Kerberos ticket for {where}: {words}. Check ansible_user, ansible_password and krb5.conf."
        ),
        "ansible_cannot_connect": "ansible-core cannot connect to {where}: {words}.",
        "unknown": (
            "{where}: the WinRM library gave up ({error}: {words}). Check that a WinRM listener is there and that the "
            "authentication in {auth} is enabled on it."
        ),
    }
)
# Sentences of ansible-core, which are long and say what has to be done.
_WHOLE = frozenset({"ansible_refuses", "ansible_cannot_connect", "kerberos_gives_no_ticket"})
_BEYOND_ASCII = (
    " Basic sends names outside ASCII in an encoding that the host may read otherwise: use ntlm or kerberos."
)


def explain(error: BaseException, peer: Peer, *, answered: bool) -> SmbGuestError:
    """What happened to a message, and what to do.

    Args:
        error: What the connection or a library below it raised.
        peer: The other end, with the user's variables.
        answered: Whether the host has answered before.

    Returns:
        RequestError where nothing was asked of any host, HostError for a command that did not end, else
        HostUnreachable.
    """
    failure = classify(error)
    words = peer.foreign(failure.words, 400 if failure.kind in _WHOLE else 160).rstrip(".")
    if failure.kind in REFUSED:
        text = _REFUSALS[failure.kind].format(where=peer.endpoint, words=words, **peer.variables)
        return RequestError(f"{text.rstrip('.')}.", kind=failure.kind, host_state=HostState.NOT_CONTACTED)
    if failure.kind == "certificate":
        return HostUnreachable(_certificate(failure, peer))
    kind = _kind_of_status(failure, peer, answered=answered) if failure.kind == "status" else failure.kind
    template = _SENTENCES[kind]
    if kind == "credentials_are_rejected" and peer.auth in ("basic", "plaintext") and not peer.plain_account:
        template += _BEYOND_ASCII
    if peer.tried:
        template += f" The host refused {', '.join(peer.tried)} before."
    text = template.format(
        where=peer.endpoint,
        status=failure.status,
        seconds=failure.seconds,
        target=peer.foreign(failure.target, 100) if failure.target else "nowhere",
        error=type(error).__name__,
        words=words,
        **peer.variables,
    )
    return HostError(text, kind=kind) if kind == "command_takes_too_long" else HostUnreachable(text, kind=kind)


def _kind_of_status(failure: LibraryFailure, peer: Peer, *, answered: bool) -> str:
    """What an HTTP status without a SOAP message means. Windows refuses clear text with an empty 500."""
    if failure.status == 500 and peer.endpoint.startswith("http:") and not answered:
        return "unencrypted_is_refused"
    return "busy" if answered or failure.status in (500, 503) else "no_winrm"


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


def _certificate(failure: LibraryFailure, peer: Peer) -> str:
    unknown = (f"was not accepted ({peer.foreign(failure.words, 80)})", "Check it on the host")
    problem, cure = _CERTIFICATES.get(failure.number or 0, unknown)
    return f"TLS: the certificate of {peer.endpoint} {problem}. {cure.format(**peer.variables)}."
