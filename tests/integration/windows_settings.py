"""Where each managed setting stands in the state of a simulated host, retyped from Microsoft's pages.

Not taken from the plugins' own table: a mistake there must not hide itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

_SERVICES = r"HKLM\SYSTEM\CurrentControlSet\Services"
_POLICIES = r"HKLM\SOFTWARE\Policies\Microsoft\Windows"
_MDM = r"HKLM\SOFTWARE\Microsoft\PolicyManager\current\device"

CLIENT_PARAMETERS = rf"{_SERVICES}\LanmanWorkstation\Parameters"
SERVER_PARAMETERS = rf"{_SERVICES}\LanmanServer\Parameters"
CLIENT_POLICY = rf"{_POLICIES}\LanmanWorkstation"
SERVER_POLICY = rf"{_POLICIES}\LanmanServer"
CLIENT_MDM = rf"{_MDM}\LanmanWorkstation"

CLIENT_AUDITS = ("audit_insecure_guest_logons", "audit_server_without_signing", "audit_server_without_encryption")
SERVER_AUDITS = (
    "server_audit_insecure_guest_logons",
    "server_audit_client_without_signing",
    "server_audit_client_without_encryption",
)
AUDITS = CLIENT_AUDITS + SERVER_AUDITS
SINCE_24H2 = ("client_encryption", *AUDITS)


class Place(NamedTuple):
    """A property of `smb_client` or `smb_server`, and its registry value; policy: whether a policy has it."""

    side: str
    cim_property: str
    value: str
    policy: bool
    words: tuple[str, str]
    """What True and False are called."""


_ENABLED = ("enabled", "disabled")
_REQUIRED = ("required", "not_required")

PLACES: Mapping[str, Place] = {
    "insecure_guest_logons": Place(
        "smb_client", "EnableInsecureGuestLogons", "AllowInsecureGuestAuth", True, ("allowed", "blocked")
    ),
    "client_signing": Place("smb_client", "RequireSecuritySignature", "RequireSecuritySignature", False, _REQUIRED),
    "client_encryption": Place("smb_client", "RequireEncryption", "RequireEncryption", True, _REQUIRED),
    "server_signing": Place("smb_server", "RequireSecuritySignature", "RequireSecuritySignature", False, _REQUIRED),
    "server_encryption": Place("smb_server", "EncryptData", "EncryptData", False, _REQUIRED),
    **{
        name: Place(side, value, value, True, _ENABLED)
        for name, side, value in (
            ("audit_insecure_guest_logons", "smb_client", "AuditInsecureGuestLogon"),
            ("audit_server_without_signing", "smb_client", "AuditServerDoesNotSupportSigning"),
            ("audit_server_without_encryption", "smb_client", "AuditServerDoesNotSupportEncryption"),
            ("server_audit_insecure_guest_logons", "smb_server", "AuditInsecureGuestLogon"),
            ("server_audit_client_without_signing", "smb_server", "AuditClientDoesNotSupportSigning"),
            ("server_audit_client_without_encryption", "smb_server", "AuditClientDoesNotSupportEncryption"),
        )
    },
}


def registry_value(state: Mapping[str, Any], key: str, name: str) -> Any:
    """The data of one registry value in a host's state, None where absent. Names compare without case."""
    for path, values in state["registry"].items():
        if path.lower() == key.lower():
            return next((item["value"] for known, item in values.items() if known.lower() == name.lower()), None)
    return None


def held(state: Mapping[str, Any], setting: str) -> dict[str, bool | None]:
    """What a host holds of one setting: {running, local, policy}, None where absent."""
    place = PLACES[setting]
    parameters, policy = (
        (CLIENT_PARAMETERS, CLIENT_POLICY) if place.side == "smb_client" else (SERVER_PARAMETERS, SERVER_POLICY)
    )
    values = {
        "local": registry_value(state, parameters, place.value),
        "policy": registry_value(state, policy, place.value) if place.policy else None,
    }
    return {
        "running": state[place.side].get(place.cim_property),
        **{layer: None if value is None else bool(value) for layer, value in values.items()},
    }


def word(setting: str, value: bool) -> str:
    return PLACES[setting].words[0 if value else 1]
