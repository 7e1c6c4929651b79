"""What the SMB client decides when it meets a server: connected or not, with which status and which events.

Guest decision from a published decompilation of mrxsmb20: guest not allowed gives 31017 and 0xC05D0002; allowed but
signing required gives 0xC05D0006 and no 31017; otherwise 31022. Encryption required also makes a guest session
impossible; its status is not known (None). Audit events follow the Learn page on insecure guest logons.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .cim import CimClass, Property
from .smb_configuration import NAMESPACE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .event_log import EventLog

GUEST_BLOCKED = {"status": "0xC05D0002", "win32": 1272, "reason": "guest_blocked"}
GUEST_NOT_SIGNED = {"status": "0xC05D0006", "win32": None, "reason": "signing_required"}
GUEST_NOT_ENCRYPTED = {"status": None, "win32": None, "reason": "encryption_required"}

CONNECTION_CLASS = CimClass(
    NAMESPACE,
    "MSFT_SmbConnection",
    (
        Property("SmbInstance", "uint32"),
        Property("ContinuouslyAvailable", "boolean"),
        Property("Credential"),
        Property("Dialect"),
        Property("Encrypted", "boolean"),
        Property("NumOpens", "uint64"),
        Property("Redirected", "boolean"),
        Property("ServerName", key=True),
        Property("ShareName", key=True),
        Property("Signed", "boolean"),
        Property("UserName", key=True),
    ),
)


def _refusal(running: Mapping[str, Any], guest: bool, signing: bool, encryption: bool) -> dict[str, Any] | None:
    requires_signing = bool(running.get("RequireSecuritySignature"))
    requires_encryption = bool(running.get("RequireEncryption"))
    if guest:
        if not running.get("EnableInsecureGuestLogons"):
            return GUEST_BLOCKED
        if requires_signing:
            return GUEST_NOT_SIGNED
        return GUEST_NOT_ENCRYPTED if requires_encryption else None
    # No source names the status of a real logon to a server that cannot do what the client requires.
    if requires_signing and not signing:
        return {"status": None, "win32": None, "reason": "signing_required"}
    if requires_encryption and not encryption:
        return {"status": None, "win32": None, "reason": "encryption_required"}
    return None


def connect(server: Mapping[str, Any], running: Mapping[str, Any], log: EventLog) -> dict[str, Any]:
    """Let the client connect to ``server`` {name, guest, signing, encryption, user?, share?, dialect?}.

    Returns ``{connected, status, win32, reason, events, connection}``; ``connection`` is an MSFT_SmbConnection row.
    """
    name, user = str(server["name"]), str(server.get("user", "alice"))
    guest, signing, encryption = (bool(server.get(key)) for key in ("guest", "signing", "encryption"))
    fields: dict[str, Any] = {
        "ServerName": "\\" + name,
        "UserName": user,
        "ClientRequireSigning": bool(running.get("RequireSecuritySignature")),
        "ClientRequireEncryption": bool(running.get("RequireEncryption")),
    }
    ids: list[int] = []
    if running.get("AuditServerDoesNotSupportSigning") and not signing:
        ids.append(31998)
    if running.get("AuditServerDoesNotSupportEncryption") and not encryption:
        ids.append(31999)
    refusal = _refusal(running, guest, signing, encryption)
    if refusal is GUEST_BLOCKED:
        ids.append(31017)
    elif guest and refusal is None:
        ids.append(31022)
        if running.get("AuditInsecureGuestLogon"):
            ids.append(31997)
    written = [event for event in (log.write(event_id, **fields) for event_id in ids) if event]
    if refusal is not None:
        return {"connected": False, **refusal, "events": written, "connection": None}
    encrypted = encryption and bool(running.get("RequireEncryption"))
    connection = {
        "SmbInstance": 0,
        "ContinuouslyAvailable": False,
        "Credential": user,
        "Dialect": str(server.get("dialect", "3.1.1")),
        "Encrypted": encrypted,
        "NumOpens": 1,
        "Redirected": False,
        "ServerName": name,
        "ShareName": str(server.get("share", "IPC$")),
        # Signed is reported False when Encrypted is True; a guest session is never signed.
        "Signed": signing and not guest and not encrypted,
        "UserName": user,
    }
    return {
        "connected": True,
        "status": "0x00000000",
        "win32": 0,
        "reason": None,
        "events": written,
        "connection": connection,
    }
