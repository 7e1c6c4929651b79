"""The properties of the two SMB configuration classes, by Windows build, with the registry values behind them.

From the win32 and windows-powershell-docs pages, two public class dumps (Server 2019, 23H2), the LanmanWorkstation
and LanmanServer ADMX files and published decompilations of mrxsmb.sys and srv2.sys. A property whose backing
registry value is not known keeps its value in the simulated driver only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

CLIENT_PARAMETERS = r"HKLM\SYSTEM\CurrentControlSet\Services\LanmanWorkstation\Parameters"
CLIENT_POLICY = r"HKLM\SOFTWARE\Policies\Microsoft\Windows\LanmanWorkstation"
SERVER_PARAMETERS = r"HKLM\SYSTEM\CurrentControlSet\Services\LanmanServer\Parameters"
SERVER_POLICY = r"HKLM\SOFTWARE\Policies\Microsoft\Windows\LanmanServer"
MDM_CLIENT = r"HKLM\SOFTWARE\Microsoft\PolicyManager\current\device\LanmanWorkstation"
MDM_SERVER = r"HKLM\SOFTWARE\Microsoft\PolicyManager\current\device\LanmanServer"


@dataclass(frozen=True)
class SmbProperty:
    """One property: its CIM type, the dump it first appears in, its registry values and its default."""

    name: str
    type: str
    since: str
    parameters_value: str | None = None
    policy_value: str | None = None
    default: Any = None
    until: str | None = None


# Columns of the published property matrix, oldest first, with the first build that is taken to match each.
COLUMNS = (
    ("2012", 0),
    ("2016", 10240),
    ("2019", 15063),
    ("2022", 20348),
    ("23H2", 25398),
    ("2025", 26100),
    ("2025-12", 26200),
)
_ORDER = {label: index for index, (label, _build) in enumerate(COLUMNS)}

_B, _U32, _U64, _S = "boolean", "uint32", "uint64", "string"

CLIENT_PROPERTIES = (
    SmbProperty("EnableInsecureGuestLogons", _B, "2016", "AllowInsecureGuestAuth", "AllowInsecureGuestAuth"),
    SmbProperty("RequireSecuritySignature", _B, "2012", "RequireSecuritySignature"),
    SmbProperty("EnableSecuritySignature", _B, "2012", "EnableSecuritySignature", None, True),
    SmbProperty("RequireEncryption", _B, "2025", "RequireEncryption", "RequireEncryption", False),
    SmbProperty("AuditInsecureGuestLogon", _B, "2025", "AuditInsecureGuestLogon", "AuditInsecureGuestLogon", False),
    SmbProperty(
        "AuditServerDoesNotSupportEncryption",
        _B,
        "2025",
        "AuditServerDoesNotSupportEncryption",
        "AuditServerDoesNotSupportEncryption",
        False,
    ),
    SmbProperty(
        "AuditServerDoesNotSupportSigning",
        _B,
        "2025",
        "AuditServerDoesNotSupportSigning",
        "AuditServerDoesNotSupportSigning",
        False,
    ),
    SmbProperty("BlockNTLM", _B, "2025", "BlockNTLM", "BlockNTLM", False),
    SmbProperty(
        "BlockNTLMServerExceptionList",
        _S,
        "2025-12",
        "BlockNTLMServerExceptionList",
        "BlockNTLMServerExceptionList",
        "",
    ),
    SmbProperty("Smb2DialectMin", _U32, "2025", "MinSmb2Dialect", "MinSmb2Dialect", 0),
    SmbProperty("Smb2DialectMax", _U32, "2025", "MaxSmb2Dialect", "MaxSmb2Dialect", 0),
    SmbProperty("EnableSMBQUIC", _B, "2025", "EnableSMBQUIC", "EnableSMBQUIC", True),
    SmbProperty(
        "DisabledSMBQUICServerExceptionList",
        _S,
        "2025-12",
        "DisabledSMBQUICServerExceptionList",
        "DisabledSMBQUICServerExceptionList",
    ),
    SmbProperty("EnableMailslots", _B, "23H2", None, None, False),
    SmbProperty("InvalidAuthenticationCacheLifetime", _U32, "23H2", "InvalidAuthenticationCacheLifetime"),
    SmbProperty("ForceSMBEncryptionOverQuic", _B, "2022", "ForceSMBEncryptionOverQuic", None, False),
    SmbProperty("EncryptionCiphers", _S, "2022"),
    SmbProperty("SkipCertificateCheck", _B, "2022"),
    SmbProperty("RequestCompression", _B, "2022", "EnableCompressedTraffic", "EnableCompressedTraffic"),
    SmbProperty("DisableCompression", _B, "2022", "DisableCompression", "DisableCompression"),
    SmbProperty("EnableCompressibilitySampling", _B, "2022"),
    SmbProperty("CompressibilitySamplingSize", _U64, "2022"),
    SmbProperty("CompressibleThreshold", _U64, "2022"),
    SmbProperty("EnableLoadBalanceScaleOut", _B, "2016", None, None, True),
    SmbProperty("ConnectionCountPerRssNetworkInterface", _U32, "2012", None, None, 4),
    SmbProperty("DirectoryCacheEntriesMax", _U32, "2012", None, None, 16),
    SmbProperty("DirectoryCacheEntrySizeMax", _U32, "2012", None, None, 65536),
    SmbProperty("DirectoryCacheLifetime", _U32, "2012", None, None, 10),
    SmbProperty("DormantFileLimit", _U32, "2012", None, None, 1023),
    SmbProperty("ExtendedSessionTimeout", _U32, "2012", None, None, 1000),
    SmbProperty("FileInfoCacheEntriesMax", _U32, "2012", None, None, 64),
    SmbProperty("FileInfoCacheLifetime", _U32, "2012", None, None, 10),
    SmbProperty("FileNotFoundCacheEntriesMax", _U32, "2012", None, None, 128),
    SmbProperty("FileNotFoundCacheLifetime", _U32, "2012", None, None, 5),
    SmbProperty("KeepConn", _U32, "2012", None, None, 600),
    SmbProperty("MaxCmds", _U32, "2012", None, None, 50),
    SmbProperty("MaximumConnectionCountPerServer", _U32, "2012", None, None, 32),
    SmbProperty("SessionTimeout", _U32, "2012", None, None, 60),
    SmbProperty("WindowSizeThreshold", _U32, "2012", None, None, 8),
    SmbProperty("EnableBandwidthThrottling", _B, "2012", None, None, True),
    SmbProperty("EnableByteRangeLockingOnReadOnlyFiles", _B, "2012", None, None, True),
    SmbProperty("EnableLargeMtu", _B, "2012", None, None, True),
    SmbProperty("EnableMultiChannel", _B, "2012", None, None, True),
    SmbProperty("OplocksDisabled", _B, "2012", None, None, False),
    SmbProperty("UseOpportunisticLocking", _B, "2012", None, None, True),
)

SERVER_PROPERTIES = (
    SmbProperty("RequireSecuritySignature", _B, "2012", "RequireSecuritySignature"),
    SmbProperty("EnableSecuritySignature", _B, "2012", "EnableSecuritySignature", None, False),
    SmbProperty("EncryptData", _B, "2012", "EncryptData", None, False),
    SmbProperty("RejectUnencryptedAccess", _B, "2012", "RejectUnencryptedAccess", None, True),
    SmbProperty("DisableSmbEncryptionOnSecureConnection", _B, "2022"),
    SmbProperty(
        "AuditClientDoesNotSupportEncryption",
        _B,
        "2025",
        "AuditClientDoesNotSupportEncryption",
        "AuditClientDoesNotSupportEncryption",
        False,
    ),
    SmbProperty(
        "AuditClientDoesNotSupportSigning",
        _B,
        "2025",
        "AuditClientDoesNotSupportSigning",
        "AuditClientDoesNotSupportSigning",
        False,
    ),
    SmbProperty("AuditInsecureGuestLogon", _B, "2025", "AuditInsecureGuestLogon", "AuditInsecureGuestLogon", False),
    SmbProperty("AuditClientCertificateAccess", _B, "2022", None, None, False),
    SmbProperty("AuditSmb1Access", _B, "2012", "AuditSmb1Access", None, False),
    SmbProperty("EnableAuthenticateUserSharing", _B, "2012", None, None, False),
    SmbProperty("EnableAuthRateLimiter", _B, "2025", "EnableAuthRateLimiter", "EnableAuthRateLimiter", True),
    SmbProperty(
        "InvalidAuthenticationDelayTimeInMs",
        _U32,
        "2022",
        "InvalidAuthenticationDelayTimeInMs",
        "InvalidAuthenticationDelayTimeInMs",
        2000,
    ),
    SmbProperty("Smb2DialectMin", _U32, "2025", "MinSmb2Dialect", "MinSmb2Dialect", 0),
    SmbProperty("Smb2DialectMax", _U32, "2025", "MaxSmb2Dialect", "MaxSmb2Dialect", 0),
    SmbProperty("EnableSMB1Protocol", _B, "2012", None, None, False),
    SmbProperty("EnableSMB2Protocol", _B, "2012", None, None, True),
    SmbProperty("AutoDisconnectTimeout", _U32, "2012", None, None, 15, until="2019"),
    SmbProperty("AutoDisconnectTimeoutInMinutesV1", _U32, "2022", None, None, 15),
    SmbProperty("AutoDisconnectTimeoutInSecondsV2", _U32, "2022", None, None, 900),
)

# CSP node -> the Group Policy value that it maps to, where the names differ.
MDM_CLIENT_NODES = {"EnableInsecureGuestLogons": "AllowInsecureGuestAuth"}
MDM_SERVER_NODES = {"AuthRateLimiterDelayInMs": "InvalidAuthenticationDelayTimeInMs"}

# ResetConfiguration has no parameter for these (docsets 2022 and 2025).
NOT_RESETTABLE = frozenset(
    {
        "EnableInsecureGuestLogons",
        "RequireSecuritySignature",
        "EnableSecuritySignature",
        "EnableCompressibilitySampling",
        "CompressibilitySamplingSize",
        "CompressibleThreshold",
    }
)
FIRST_RESET_BUILD = 20348


def column_of(build: int) -> str:
    """The newest matrix column whose first build is not above ``build``."""
    return [label for label, first in COLUMNS if first <= build][-1]


def properties_of(table: tuple[SmbProperty, ...], build: int) -> tuple[SmbProperty, ...]:
    """The rows of ``table`` that exist on ``build``."""
    column = _ORDER[column_of(build)]
    return tuple(
        row for row in table if _ORDER[row.since] <= column and (row.until is None or column <= _ORDER[row.until])
    )
