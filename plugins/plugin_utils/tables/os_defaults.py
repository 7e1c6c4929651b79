# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one table of what Windows does when nobody configured it, by product, edition, build and update.

It is a hint with a confidence: recent builds take their default from a licence value that cannot be read, so the
running value of the host is the truth. A cell without a value is not known; it is never filled by a guess.

Sources, per row of the table:
  [SA]    Microsoft support, "Guest access in SMB2 and SMB3 is disabled by default in Windows" (was KB4046019)
  [LEARN] Microsoft Learn, "How to enable insecure guest logons in SMB2 and SMB3"
  [HARD]  Microsoft Learn, "SMB security hardening"
  [SIGN]  Microsoft Learn, "Overview of Server Message Block signing"
  [KB]    KB5003173, 11 May 2021, builds 19041.985, 19042.985 and 19043.985
  [CIM]   Microsoft Learn, Set-SmbClientConfiguration / Set-SmbServerConfiguration per release
  [CSP]   Microsoft Learn, Policy CSP LanmanWorkstation / LanmanServer
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

CONFIRMED = "confirmed"
ONE_PAGE = "one page"
DERIVED = "derived"
CONFLICT = "conflict"
UNCONFIRMED = "unconfirmed"
UNKNOWN = "unknown"

KB5003173_UBR: Mapping[int, int] = MappingProxyType({19041: 985, 19042: 985, 19043: 985})
"""Build to the update build revision (UBR) from which it carries KB5003173, which brought the deny [KB]."""


@dataclass(frozen=True)
class OsDefault:
    """What Windows does where nobody configured a setting.

    Attributes:
        value: None where no source states it.
        confidence: One of the constants above.
        note: Why, in a few words.
        stored: The default rests on a value present in Parameters; a missing value means something else [SA].
    """

    value: bool | None
    confidence: str
    note: str = ""
    stored: bool = False


NOT_KNOWN = OsDefault(None, UNKNOWN, "no source states the default of this edition and build")

RELEASES: Mapping[int, str] = MappingProxyType(
    {
        10240: "1507",
        10586: "1511",
        14393: "1607",
        15063: "1703",
        16299: "1709",
        17134: "1803",
        17763: "1809",
        18362: "1903",
        18363: "1909",
        19041: "2004",
        19042: "20H2",
        19043: "21H1",
        19044: "21H2",
        19045: "22H2",
        20348: "21H2",
        22000: "21H2",
        22621: "22H2",
        22631: "23H2",
        25398: "23H2",
        26100: "24H2",
        26200: "25H2",
        28000: "26H1",
    }
)
"""Build to the release that Microsoft calls it by; client and server builds of one number share the name."""


@dataclass(frozen=True)
class Edition:
    """One edition. edition_id: `EditionID` in HKLM\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion. sku:
    OperatingSystemSKU. group: its column in the tables below. No source distinguishes ARM64 from x64."""

    edition_id: str
    sku: int
    group: str


# Numbers: [Win32_OperatingSystem] and winnt.h. EditionIDs: Microsoft's pages and public lists of them.
EDITIONS = tuple(
    Edition(edition_id, sku, group)
    for group, members in {
        "home": {101: "Core", 98: "CoreN", 99: "CoreCountrySpecific", 100: "CoreSingleLanguage"},
        "pro": {48: "Professional", 49: "ProfessionalN"},
        "pro_ws": {161: "ProfessionalWorkstation", 162: "ProfessionalWorkstationN"},
        "pro_edu": {164: "ProfessionalEducation", 165: "ProfessionalEducationN"},
        "edu": {121: "Education", 122: "EducationN"},
        "ent": {4: "Enterprise", 27: "EnterpriseN", 175: "ServerRdsh"},
        "ltsc": {125: "EnterpriseS", 126: "EnterpriseSN", 129: "EnterpriseSEval", 130: "EnterpriseSNEval"},
        "iot": {
            188: "IoTEnterprise",
            191: "IoTEnterpriseS",
            205: "IoTEnterpriseSK",
            206: "IoTEnterpriseK",
            207: "IoTEnterpriseSEval",
        },
        # No page says what they do: single language and country specific Pro, evaluation, SE.
        "other": {
            138: "ProfessionalSingleLanguage",
            139: "ProfessionalCountrySpecific",
            72: "EnterpriseEval",
            84: "EnterpriseNEval",
            202: "CloudEditionN",
            203: "CloudEdition",
        },
        # Core installations (12, 13) have the EditionID of the full ones. 407 and 408 are the Azure Edition.
        "server": {
            7: "ServerStandard",
            8: "ServerDatacenter",
            12: "ServerDatacenter",
            13: "ServerStandard",
            79: "ServerStandardEval",
            80: "ServerDatacenterEval",
            42: "ServerHyperCore",
            50: "ServerSolution",
            407: "ServerTurbine",
            408: "ServerTurbineCor",
        },
        # No Windows Server to Microsoft's pages: no default is known.
        "azure_stack_hci": {406: "ServerAzureStackHCICor"},
    }.items()
    for sku, edition_id in members.items()
)
_BY_EDITION_ID = MappingProxyType({each.edition_id: each.group for each in EDITIONS})
_BY_SKU = MappingProxyType({each.sku: each.group for each in EDITIONS})
_EDITION_ID = MappingProxyType({each.sku: each.edition_id for each in EDITIONS})

SERVER_GROUP = "server"
_CLIENT_GROUPS = ("home", "pro", "pro_ws", "pro_edu", "edu", "ent", "ltsc", "iot", "other")

_Cells = Mapping[str, OsDefault]
"""One table row: edition group to default."""


def _all(default: OsDefault) -> _Cells:
    return MappingProxyType(dict.fromkeys(_CLIENT_GROUPS, default))


def _editions(cells: Mapping[str, OsDefault]) -> _Cells:
    """cells: names of edition groups, with blanks between them, to what is the default of each."""
    return MappingProxyType({group: default for groups, default in cells.items() for group in groups.split()})


def _server(value: bool, confidence: str, note: str = "", stored: bool = False) -> _Cells:
    return _editions({SERVER_GROUP: OsDefault(value, confidence, note, stored)})


_STORED_NOTE = "guest is disabled where the value exists and is 0: never delete it to get the default back"
_KB_NOTE = "deny holds from KB5003173 (UBR 985) on"
_NOT_NAMED = "the release is not named on the page"


def _not_stated(note: str) -> OsDefault:
    return OsDefault(None, UNCONFIRMED, note)


_UNNAMED_EDITION = _not_stated("no page names this edition")


def _guest_1709(stated: str, deny_note: str = "", stored: bool = False) -> _Cells:
    """1709 to 23H2: Home and Pro allow, Enterprise and Education deny [SA] [LEARN]."""
    note = "" if stated == CONFIRMED else _NOT_NAMED
    return _editions(
        {
            "home pro": OsDefault(True, stated, note),
            "edu ent": OsDefault(False, stated, deny_note or note, stored),
            "pro_ws": OsDefault(False, ONE_PAGE, "only the newer Learn page names Pro for Workstations", stored),
            "pro_edu": _not_stated("no page names Pro Education"),
            "ltsc iot": _not_stated("believed to be as Enterprise"),
            "other": _UNNAMED_EDITION,
        }
    )


def _guest_24h2(stated: str) -> _Cells:
    """24H2 and later [LEARN] [HARD]."""
    return _editions(
        {
            "home": _not_stated("no page states the Home default of 24H2; believed to allow"),
            "pro edu ent": OsDefault(False, stated, "" if stated == CONFIRMED else _NOT_NAMED),
            "pro_ws": OsDefault(False, ONE_PAGE),
            "pro_edu ltsc iot": _not_stated("no page names this edition; believed to deny"),
            "other": _UNNAMED_EDITION,
        }
    )


def _signing_24h2(stated: str, home: str) -> _Cells:
    """24H2 and later [SIGN]: Pro, Enterprise and Education require signing, Home does not."""
    return _editions(
        {
            "home": OsDefault(False, home, "smb-signing says that 24H2 Home requires neither direction"),
            "pro edu ent": OsDefault(True, stated, "" if stated == CONFIRMED else _NOT_NAMED),
            "pro_ws pro_edu ltsc iot": _not_stated("no page names this edition; believed to require signing"),
            "other": _UNNAMED_EDITION,
        }
    )


_ALLOW_BEFORE_1709 = _all(OsDefault(True, DERIVED, "Microsoft names 1709 as the first release that denies"))

GUEST_CLIENT: Mapping[int, _Cells] = MappingProxyType(
    {
        10240: _ALLOW_BEFORE_1709,
        10586: _ALLOW_BEFORE_1709,
        14393: _ALLOW_BEFORE_1709,
        15063: _ALLOW_BEFORE_1709,
        16299: _guest_1709(CONFIRMED, _STORED_NOTE, stored=True),
        17134: _guest_1709(CONFIRMED, _STORED_NOTE, stored=True),
        17763: _guest_1709(DERIVED, _STORED_NOTE, stored=True),
        18362: _guest_1709(CONFIRMED, _STORED_NOTE, stored=True),
        18363: _guest_1709(CONFIRMED, _STORED_NOTE, stored=True),
        19041: _guest_1709(CONFIRMED, _KB_NOTE),
        19042: _guest_1709(CONFIRMED, _KB_NOTE),
        19043: _guest_1709(CONFIRMED, _KB_NOTE),
        19044: _guest_1709(DERIVED),
        19045: _guest_1709(DERIVED),
        22000: _guest_1709(DERIVED),
        22621: _guest_1709(DERIVED),
        22631: _guest_1709(DERIVED),
        26100: _guest_24h2(CONFIRMED),
        26200: _guest_24h2(DERIVED),
        28000: _guest_24h2(DERIVED),
    }
)

GUEST_SERVER: Mapping[int, _Cells] = MappingProxyType(
    {
        14393: _server(True, CONFLICT, "an older copy of the support page has deny; the current one allows"),
        17763: _server(False, CONFIRMED, _STORED_NOTE, stored=True),
        20348: _server(False, DERIVED, 'from "Server 2019 and later"'),
        25398: _server(False, DERIVED),
        26100: _server(False, DERIVED, "consistent on all pages"),
    }
)

_NOT_REQUIRED = _all(OsDefault(False, CONFIRMED))
_BEFORE_24H2 = tuple(build for build in GUEST_CLIENT if build < 26100)

SIGNING_CLIENT: Mapping[int, _Cells] = MappingProxyType(
    dict.fromkeys(_BEFORE_24H2, _NOT_REQUIRED)
    | {
        26100: _signing_24h2(CONFIRMED, ONE_PAGE),
        26200: _signing_24h2(DERIVED, DERIVED),
        28000: _signing_24h2(DERIVED, DERIVED),
    }
)

SIGNING_SERVER: Mapping[int, _Cells] = MappingProxyType(
    dict.fromkeys((14393, 17763, 20348, 25398), _server(False, CONFIRMED))
    | {26100: _server(True, CONFIRMED, "outbound signing is required on Server 2025")}
)

INBOUND_SIGNING_CLIENT: Mapping[int, _Cells] = MappingProxyType(
    dict.fromkeys(_BEFORE_24H2, _NOT_REQUIRED)
    | {
        26100: _signing_24h2(CONFIRMED, CONFLICT),
        26200: _signing_24h2(DERIVED, CONFLICT),
        28000: _signing_24h2(DERIVED, CONFLICT),
    }
)

INBOUND_SIGNING_SERVER: Mapping[int, _Cells] = MappingProxyType(
    dict.fromkeys((14393, 17763, 20348, 25398), _server(False, CONFIRMED))
    | {26100: _server(False, CONFLICT, "the signing page says outbound only; another page says both directions")}
)

DOMAIN_CONTROLLER_SIGNING = OsDefault(True, CONFIRMED, "domain controllers require inbound signing")

# The same on every build that has the setting [CIM] [CSP].
CONSTANTS: Mapping[str, OsDefault] = MappingProxyType(
    {
        "client_encryption": OsDefault(False, CONFIRMED),
        "server_encryption": OsDefault(None, UNCONFIRMED, "no page states it; believed to be off"),
        **dict.fromkeys(
            (
                "audit_insecure_guest_logons",
                "audit_server_without_signing",
                "audit_server_without_encryption",
                "server_audit_insecure_guest_logons",
                "server_audit_client_without_signing",
                "server_audit_client_without_encryption",
            ),
            OsDefault(False, ONE_PAGE, "the policy CSP pages give 0; the cmdlet pages print None"),
        ),
    }
)

_TABLES: Mapping[str, tuple[Mapping[int, _Cells], Mapping[int, _Cells]]] = MappingProxyType(
    {
        "insecure_guest_logons": (GUEST_CLIENT, GUEST_SERVER),
        "client_signing": (SIGNING_CLIENT, SIGNING_SERVER),
        "server_signing": (INBOUND_SIGNING_CLIENT, INBOUND_SIGNING_SERVER),
    }
)


def edition_id_of(sku: int | None) -> str | None:
    """The EditionID that belongs to a SKU, None where the table does not name it: then the registry says it."""
    return _EDITION_ID.get(sku or 0)


def edition_group(edition_id: str | None, sku: int | None, product: str) -> str | None:
    """The edition group of a host, or None where neither EditionID nor SKU is in the table.

    A server that the table does not name is a Windows Server, as Microsoft's pages name the product as a whole.
    """
    group = _BY_EDITION_ID.get(edition_id or "") or _BY_SKU.get(sku or 0)
    return group or SERVER_GROUP if product == "server" else group


def os_default(
    setting: str, *, product: str, group: str | None, build: int, ubr: int | None, domain_controller: bool = False
) -> OsDefault:
    """What Windows does for a setting that nobody configured.

    Args:
        product: `client` or `server`.
        build: Such as 26100.
        ubr: The update build revision, None where unreadable.

    A build that the tables do not name is not known, whatever its neighbours do.
    """
    if setting in CONSTANTS:
        return CONSTANTS[setting]
    if setting == "server_signing" and domain_controller:
        return DOMAIN_CONTROLLER_SIGNING
    client, server = _TABLES[setting]
    default = (server if product == "server" else client).get(build, {}).get(group or "", NOT_KNOWN)
    if setting == "insecure_guest_logons" and default.value is False and build in KB5003173_UBR:
        if ubr is None:
            return OsDefault(None, UNKNOWN, "depends on KB5003173, and the update build revision cannot be read")
        if ubr < KB5003173_UBR[build]:
            return OsDefault(True, default.confidence, "KB5003173 is missing: guest is not disabled")
    return default
