# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one table of managed settings: every name, word, registry value and policy that the collection knows.

Sources, per row in `Setting.source`:
  [CIM]   Microsoft Learn, MSFT_SmbClientConfiguration, MSFT_SmbServerConfiguration, SmbShare docsets per version
  [ADMX]  LanmanWorkstation.admx, LanmanServer.admx
  [CSP]   Microsoft Learn, Policy CSP LanmanWorkstation / LanmanServer
  [SEC]   the security options "Digitally sign communications (always)", which write the Parameters value itself
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType


class Side(Enum):
    """Which half of SMB a setting belongs to: LanmanWorkstation (client) or LanmanServer (server)."""

    CLIENT = "client"
    SERVER = "server"

    @property
    def service(self) -> str:
        """The Windows service behind it."""
        return "LanmanWorkstation" if self is Side.CLIENT else "LanmanServer"


class Layer(Enum):
    """Where a value can be configured, strongest first.

    No driver reads the local GPO: Group Policy carries it into the policy layer, and there it counts.
    """

    POLICY = "policy"
    MDM = "mdm"
    LOCAL = "local"
    LOCAL_GPO = "local_gpo"


class Scope(Enum):
    """Where a change is written."""

    LOCAL = "local"
    POLICY = "policy"
    LOCAL_GPO = "local_gpo"

    @property
    def layer(self) -> Layer:
        """The layer that is written there."""
        return Layer(self.value)


# The MDM keys were observed in public compliance scripts, not in a Microsoft page: they are read, never written.
KEYS: Mapping[Side, Mapping[Layer, str]] = MappingProxyType(
    {
        Side.CLIENT: MappingProxyType(
            {
                Layer.POLICY: r"SOFTWARE\Policies\Microsoft\Windows\LanmanWorkstation",
                Layer.MDM: r"SOFTWARE\Microsoft\PolicyManager\current\device\LanmanWorkstation",
                Layer.LOCAL: r"SYSTEM\CurrentControlSet\Services\LanmanWorkstation\Parameters",
                Layer.LOCAL_GPO: r"Software\Policies\Microsoft\Windows\LanmanWorkstation",
            }
        ),
        Side.SERVER: MappingProxyType(
            {
                Layer.POLICY: r"SOFTWARE\Policies\Microsoft\Windows\LanmanServer",
                Layer.MDM: r"SOFTWARE\Microsoft\PolicyManager\current\device\LanmanServer",
                Layer.LOCAL: r"SYSTEM\CurrentControlSet\Services\LanmanServer\Parameters",
                Layer.LOCAL_GPO: r"Software\Policies\Microsoft\Windows\LanmanServer",
            }
        ),
    }
)

MDM_CONFLICT_KEY = r"SOFTWARE\Microsoft\PolicyManager\current\device\ControlPolicyConflict"
MDM_CONFLICT_VALUE = "MDMWinsOverGP"
MDM_CONFLICT_CONFIDENCE = "documented; the key is not confirmed"
"""Policy CSP ControlPolicyConflict/MDMWinsOverGP: 1 lets MDM win where Group Policy sets the same policy, 0 or absence
leaves a race between them (Microsoft Learn). That the value stands in this key is concluded from the other areas."""

LOCAL_REGISTRY_POL = r"%SystemRoot%\System32\GroupPolicy\Machine\Registry.pol"
"""The registry entries of the local GPO."""

DEFAULT = "default"
"""The option word that asks for what Windows itself would do."""


@dataclass(frozen=True)
class Words:
    """What users call the two values of a setting."""

    true: str
    false: str

    @property
    def choices(self) -> tuple[str, str, str]:
        return (self.true, self.false, DEFAULT)

    def value(self, word: str) -> bool | None:
        """The boolean that a word means; None for `default`."""
        return {self.true: True, self.false: False, DEFAULT: None}[word]

    def word(self, value: bool) -> str:
        return self.true if value else self.false


ALLOWED = Words("allowed", "blocked")
REQUIRED = Words("required", "not_required")
ENABLED = Words("enabled", "disabled")


@dataclass(frozen=True)
class GroupPolicy:
    """What a Group Policy editor (gpedit.msc, gpmc.msc) calls the policy of a setting, and where it shows it.

    Attributes:
        title: The editor's words, English.
        folder: Where to find it.
        key: The registry key as the editor spells it.
        admx_name: The policy's name in its ADMX file; None for a security option, which stands in GptTmpl.inf, not
            in Registry.pol.
    """

    title: str
    folder: str
    key: str
    admx_name: str | None = None


@dataclass(frozen=True, eq=False)
class Setting:
    """One managed setting.

    Attributes:
        name: What users call it.
        cim_property: The property of the side's configuration class.
        names: The registry value (REG_DWORD, 0 or 1) that carries the setting in each layer; a layer that cannot
            carry it is missing.
        first_build, first_release: Where Windows began to have it.
        secure: The value that blocks guest logons or protects traffic; None where the setting changes no access.
        events: The event ids that the setting makes Windows write.
        group_policy: How an editor shows it; None where there is no policy for it.
    """

    name: str
    side: Side
    words: Words
    cim_property: str
    names: Mapping[Layer, str]
    first_build: int
    first_release: str
    source: str
    secure: bool | None = None
    events: tuple[int, ...] = ()
    group_policy: GroupPolicy | None = None

    @property
    def title(self) -> str | None:
        """What a Group Policy editor calls it."""
        return self.group_policy.title if self.group_policy else None

    def has(self, layer: Layer) -> bool:
        return layer in self.names

    def location(self, layer: Layer) -> str:
        """`HKLM\\key\\value` of a layer, or the entry of a file, as an administrator would look it up."""
        place = f"{KEYS[self.side][layer]}\\{self.names[layer]}"
        return f"{LOCAL_REGISTRY_POL}: {place}" if layer is Layer.LOCAL_GPO else f"HKLM\\{place}"


SMB_NAMESPACE = "root/Microsoft/Windows/SMB"
"""The CIM namespace of the SMB client and server."""

MINIMUM_DIALECT, MAXIMUM_DIALECT, BLOCKS_NTLM = "Smb2DialectMin", "Smb2DialectMax", "BlockNTLM"
CLIENT_LIMITS = (MINIMUM_DIALECT, MAXIMUM_DIALECT, BLOCKS_NTLM)
"""Properties of the client that are read and not managed. They came with 24H2. [CIM]"""

_24H2 = (26100, "Windows 11 24H2 and Windows Server 2025")


def _names(local: str, policy: str | None = None, mdm: str | None = None) -> Mapping[Layer, str]:
    names = {Layer.POLICY: policy, Layer.MDM: mdm, Layer.LOCAL: local, Layer.LOCAL_GPO: policy}
    return MappingProxyType({layer: name for layer, name in names.items() if name is not None})


def _everywhere(name: str) -> Mapping[Layer, str]:
    return _names(name, name, name)


_TEMPLATES = {
    Side.CLIENT: ("Lanman Workstation", r"Software\Policies\Microsoft\Windows\LanmanWorkstation"),
    Side.SERVER: ("Lanman Server", r"Software\Policies\Microsoft\Windows\LanmanServer"),
}
_SECURITY_OPTIONS = "Computer Configuration > Windows Settings > Security Settings > Local Policies > Security Options"


def _template(side: Side, admx_name: str, title: str) -> GroupPolicy:
    """A policy of LanmanWorkstation.admx or LanmanServer.admx."""
    folder, key = _TEMPLATES[side]
    return GroupPolicy(title, f"Computer Configuration > Administrative Templates > Network > {folder}", key, admx_name)


def _signing_option(peer: str, key: str) -> GroupPolicy:
    title = f"Microsoft network {peer}: Digitally sign communications (always)"
    return GroupPolicy(title, _SECURITY_OPTIONS, rf"System\CurrentControlSet\Services\{key}\Parameters")


def _audit(name: str, side: Side, value: str, title: str, event: int, first_release: str = _24H2[1]) -> Setting:
    """An audit of 24H2: one name for the CIM property, the policy value, the CSP and the local value."""
    return Setting(
        name,
        side,
        ENABLED,
        value,
        _everywhere(value),
        _24H2[0],
        first_release,
        "[CIM] [ADMX] [CSP]",
        events=(event,),
        group_policy=_template(side, f"Pol_{value}", title),
    )


# EnableSecuritySignature is no row: it has no effect on SMB 2 and later (Microsoft Learn). Nor is anything of SMB1.
_ROWS = (
    Setting(
        "insecure_guest_logons",
        Side.CLIENT,
        ALLOWED,
        "EnableInsecureGuestLogons",
        _names("AllowInsecureGuestAuth", "AllowInsecureGuestAuth", "EnableInsecureGuestLogons"),
        14393,
        "Windows 10 1607 and Windows Server 2016",
        "[CIM] [ADMX] [CSP]",
        secure=False,
        events=(31017, 31018, 31022),
        group_policy=_template(Side.CLIENT, "Pol_EnableInsecureGuestLogons", "Enable insecure guest logons"),
    ),
    Setting(
        "client_signing",
        Side.CLIENT,
        REQUIRED,
        "RequireSecuritySignature",
        _names("RequireSecuritySignature"),
        9200,
        "Windows 8 and Windows Server 2012",
        "[CIM] [SEC]",
        secure=True,
        group_policy=_signing_option("client", "LanmanWorkstation"),
    ),
    Setting(
        "client_encryption",
        Side.CLIENT,
        REQUIRED,
        "RequireEncryption",
        _everywhere("RequireEncryption"),
        *_24H2,
        "[CIM] [ADMX] [CSP]",
        secure=True,
        group_policy=_template(Side.CLIENT, "Pol_RequireEncryption", "Require Encryption"),
    ),
    _audit("audit_insecure_guest_logons", Side.CLIENT, "AuditInsecureGuestLogon", "Audit insecure guest logon", 31997),
    _audit(
        "audit_server_without_signing",
        Side.CLIENT,
        "AuditServerDoesNotSupportSigning",
        "Audit server does not support signing",
        31998,
    ),
    _audit(
        "audit_server_without_encryption",
        Side.CLIENT,
        "AuditServerDoesNotSupportEncryption",
        "Audit server does not support encryption",
        31999,
    ),
    Setting(
        "server_signing",
        Side.SERVER,
        REQUIRED,
        "RequireSecuritySignature",
        _names("RequireSecuritySignature"),
        9200,
        "Windows 8 and Windows Server 2012",
        "[CIM] [SEC]",
        secure=True,
        group_policy=_signing_option("server", "LanManServer"),
    ),
    Setting(
        "server_encryption",
        Side.SERVER,
        REQUIRED,
        "EncryptData",
        _names("EncryptData"),
        9200,
        "Windows 8 and Windows Server 2012",
        "[CIM]",
        secure=True,
    ),
    _audit(
        "server_audit_insecure_guest_logons", Side.SERVER, "AuditInsecureGuestLogon", "Audit insecure guest logon", 3023
    ),
    _audit(
        "server_audit_client_without_signing",
        Side.SERVER,
        "AuditClientDoesNotSupportSigning",
        "Audit client does not support signing",
        3021,
        "Windows 11 24H2 and Windows Server 2025 (older releases: with the September 2025 update KB5066913)",
    ),
    _audit(
        "server_audit_client_without_encryption",
        Side.SERVER,
        "AuditClientDoesNotSupportEncryption",
        "Audit client does not support encryption",
        3022,
    ),
)

SETTINGS: Mapping[str, Setting] = MappingProxyType({row.name: row for row in _ROWS})

GUEST = SETTINGS["insecure_guest_logons"]
# What a guest session can never satisfy: it has no key to sign or encrypt with.
GUEST_BLOCKERS = (SETTINGS["client_signing"], SETTINGS["client_encryption"])
AUDITS = tuple(row for row in _ROWS if row.words is ENABLED)


def on_side(side: Side) -> tuple[Setting, ...]:
    return tuple(row for row in _ROWS if row.side is side)
