"""Every way to a host as a row: what the host offers, what the user sets, and whether messages are encrypted in HTTP.

docs/connections.md has the same rows for people. A value in angle brackets is filled in when the host runs.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from realm import SERVICE_HOST


@dataclass(frozen=True)
class Way:
    """``host``: members of the fleet file. ``variables``: the inventory's, besides address, port, user, password.

    ``says``: for a way that is closed, what the message has to name (a regular expression).
    """

    variables: dict[str, Any]
    host: dict[str, Any] = field(default_factory=dict)
    encrypted: bool = False
    scheme: str = "http"
    says: str = ""


def _winrm(transport: str, scheme: str = "http", **more: Any) -> dict[str, Any]:
    options = {
        f"ansible_winrm_{name}": value for name, value in {"transport": transport, "scheme": scheme, **more}.items()
    }
    return {"ansible_connection": "winrm", **options}


def _psrp(auth: str, protocol: str = "http", **more: Any) -> dict[str, Any]:
    options = {f"ansible_psrp_{name}": value for name, value in {"auth": auth, "protocol": protocol, **more}.items()}
    return {"ansible_connection": "psrp", **options}


_PRINCIPAL = {"ansible_user": "<principal>"}
_TICKET = {**_PRINCIPAL, "ansible_password": None}
_WINRM_SERVICE = {"kerberos_hostname_override": SERVICE_HOST}
_PSRP_SERVICE = {"negotiate_hostname_override": SERVICE_HOST, "negotiate_service": "HTTP"}
_DOMAIN = {"part_of_domain": True}
_CREDSSP = {"credssp": True}
_CERTIFICATE = {"client_certificates": True, "certificate": "ca_signed"}
_OWN_CA = {"certificate": "ca_signed"}
_IPV6 = {"address": "::1"}

WAYS = {
    "winrm-basic-https": Way(_winrm("basic", "https", ca_trust_path="<ca>"), _OWN_CA, scheme="https"),
    "psrp-basic-https": Way(_psrp("basic", "https", ca_cert="<ca>"), _OWN_CA, scheme="https"),
    "winrm-ntlm-http": Way(_winrm("ntlm"), encrypted=True),
    "psrp-ntlm-http": Way(_psrp("ntlm"), encrypted=True),
    "winrm-ntlm-own-ca": Way(_winrm("ntlm", "https", ca_trust_path="<ca>"), _OWN_CA, scheme="https"),
    "psrp-ntlm-own-ca": Way(_psrp("ntlm", "https", ca_cert="<ca>"), _OWN_CA, scheme="https"),
    "winrm-ntlm-unverified": Way(_winrm("ntlm", "https", server_cert_validation="ignore"), scheme="https"),
    "psrp-ntlm-unverified": Way(_psrp("ntlm", "https", cert_validation="ignore"), scheme="https"),
    "winrm-kerberos": Way(
        {**_winrm("kerberos", kinit_env_vars=["KRB5_CONFIG"], **_WINRM_SERVICE), **_PRINCIPAL}, _DOMAIN, True
    ),
    "winrm-kerberos-ticket": Way(
        {**_winrm("kerberos", kinit_mode="manual", **_WINRM_SERVICE), **_TICKET}, _DOMAIN, True
    ),
    "winrm-kerberos-https": Way(
        {
            **_winrm("kerberos", "https", ca_trust_path="<ca>", kinit_env_vars=["KRB5_CONFIG"], **_WINRM_SERVICE),
            **_PRINCIPAL,
        },
        {**_DOMAIN, **_OWN_CA},
        scheme="https",
    ),
    "psrp-kerberos": Way({**_psrp("kerberos", **_PSRP_SERVICE), **_PRINCIPAL}, _DOMAIN, True),
    "psrp-kerberos-ticket": Way({**_psrp("kerberos", **_PSRP_SERVICE), **_TICKET}, _DOMAIN, True),
    "psrp-negotiate": Way({**_psrp("negotiate", **_PSRP_SERVICE), **_PRINCIPAL}, _DOMAIN, True),
    "winrm-credssp-http": Way(_winrm("credssp"), _CREDSSP, True),
    "winrm-credssp-https": Way(
        _winrm("credssp", "https", ca_trust_path="<ca>"), {**_CREDSSP, **_OWN_CA}, scheme="https"
    ),
    "psrp-credssp-http": Way(_psrp("credssp"), _CREDSSP, True),
    "psrp-credssp-https": Way(_psrp("credssp", "https", ca_cert="<ca>"), {**_CREDSSP, **_OWN_CA}, scheme="https"),
    "winrm-certificate": Way(
        {
            **_winrm("certificate", "https", cert_pem="<certificate>", cert_key_pem="<key>", ca_trust_path="<ca>"),
            "ansible_password": None,
        },
        _CERTIFICATE,
        scheme="https",
    ),
    "psrp-certificate": Way(
        {
            **_psrp(
                "certificate", "https", certificate_pem="<certificate>", certificate_key_pem="<key>", ca_cert="<ca>"
            ),
            "ansible_password": None,
        },
        _CERTIFICATE,
        scheme="https",
    ),
    "winrm-ipv6": Way(_winrm("ntlm"), _IPV6, True),
    "psrp-ipv6": Way(_psrp("ntlm"), _IPV6, True),
    "winrm-proxy-http": Way(_winrm("ntlm", proxy="<proxy>"), encrypted=True),
    "winrm-proxy-https": Way(_winrm("ntlm", "https", ca_trust_path="<ca>", proxy="<proxy>"), _OWN_CA, scheme="https"),
    "psrp-proxy-http": Way(_psrp("ntlm", proxy="<proxy>"), encrypted=True),
    "psrp-proxy-https": Way(_psrp("ntlm", "https", ca_cert="<ca>", proxy="<proxy>"), _OWN_CA, scheme="https"),
}

# Ways that must not work: nothing of the host may change, nor be asked.
CLOSED = {
    "winrm-wrong-password": Way({**_winrm("ntlm"), "ansible_password": "wrong"}, says="401.*ansible_password"),
    "psrp-wrong-password": Way({**_psrp("ntlm"), "ansible_password": "wrong"}, says="401.*ansible_password"),
    "winrm-strange-ca": Way(_winrm("ntlm", "https"), _OWN_CA, scheme="https", says="ansible_winrm_ca_trust_path"),
    "psrp-strange-ca": Way(_psrp("ntlm", "https"), _OWN_CA, scheme="https", says="ansible_psrp_ca_cert"),
    "winrm-credssp-off": Way(_winrm("credssp"), says="CredSSP"),
    "psrp-credssp-off": Way(_psrp("credssp"), says="CredSSP"),
    "winrm-certificate-off": Way(
        {
            **_winrm(
                "certificate",
                "https",
                cert_pem="<certificate>",
                cert_key_pem="<key>",
                server_cert_validation="ignore",
            ),
            "ansible_password": None,
        },
        scheme="https",
        says="401",
    ),
    "psrp-kerberos-wrong-name": Way(
        {**_psrp("kerberos", negotiate_hostname_override="other.corp.example", negotiate_service="HTTP"), **_PRINCIPAL},
        _DOMAIN,
        says="other.corp.example",
    ),
}
