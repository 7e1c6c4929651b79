"""The changes that are broken in every way, as data. Shared with the processes that are killed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from subjects import Act

CLIENT_POLICY = r"SOFTWARE\Policies\Microsoft\Windows\LanmanWorkstation"
CLIENT_PARAMETERS = r"SYSTEM\CurrentControlSet\Services\LanmanWorkstation\Parameters"

Values = tuple[tuple[str, str, str, Any], ...]


@dataclass(frozen=True)
class Change:
    """act: the change under test. before: what is done first, undisturbed. registry: what the host holds at first.

    quirks: of the simulated host, as (name, value).
    """

    act: Act
    before: Act | None = None
    preset: str = "windows_11_24h2_pro"
    registry: Values = ()
    quirks: tuple[tuple[str, bool], ...] = ()

    @property
    def journaled(self) -> bool:
        return "reason" in self.act.options


_OPEN = {
    "insecure_guest_logons": "allowed",
    "client_signing": "not_required",
    "client_encryption": "not_required",
    "scope": ["local", "policy"],
}
_CLOSE = {
    "insecure_guest_logons": "blocked",
    "client_signing": "required",
    "audit_insecure_guest_logons": "enabled",
    "scope": ["local", "policy"],
}
_JOURNALED = {"reason": "test of faults", "expires_in": "8h"}
# A host that somebody opened by hand, once with a value of another type than the policy editor writes.
_OPEN_HOST: Values = (
    (CLIENT_PARAMETERS, "AllowInsecureGuestAuth", "REG_DWORD", 1),
    (CLIENT_PARAMETERS, "RequireSecuritySignature", "REG_DWORD", 0),
    (CLIENT_POLICY, "AllowInsecureGuestAuth", "REG_DWORD", 1),
    (CLIENT_POLICY, "AuditInsecureGuestLogon", "REG_SZ", "no"),
)

OPEN = Act("client_config", {**_OPEN, **_JOURNALED})
CLOSE = Act("client_config", {**_CLOSE, **_JOURNALED})
REVERT_ALL = Act("revert_change", {"all": True})

CHANGES = {
    "opening": Change(OPEN),
    "closing": Change(CLOSE, registry=_OPEN_HOST),
    "opening without a journal": Change(Act("client_config", _OPEN)),
    "reverting": Change(Act("revert_change", {"latest": True}), before=OPEN),
    "closing over an opening that ends": Change(Act("client_config", {**_CLOSE, "reason": "harden"}), before=OPEN),
}

_SERVER = {
    "server_signing": "not_required",
    "server_encryption": "required",
    "server_audit_insecure_guest_logons": "enabled",
    "scope": ["local", "policy"],
}
EXPIRING = {
    "opening": CHANGES["opening"],
    "closing": CHANGES["closing"],
    "a service that does not watch the registry": Change(OPEN, quirks=(("running_follows_registry", False),)),
    "the server side": Change(Act("client_config", {**_SERVER, **_JOURNALED})),
}
"""Whose end by themselves is tested."""
