# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table of Samba servers, and what the probe must find of each. The words are those of server_info's result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

USER, PASSWORD = "root", "Correct-Horse-7"
ALL = ["2.0.2", "2.1", "3.0", "3.0.2", "3.1.1"]

LET_IN = "STATUS_SUCCESS (0x00000000)"
REFUSED = "STATUS_LOGON_FAILURE (0xC000006D)"
DENIED = "STATUS_ACCESS_DENIED (0xC0000022)"

GUEST = {"map to guest": "Bad User"}
AS_GUEST = {"guest.accepted": True, "guest.status": LET_IN}
NOT_AS_GUEST = {"guest.accepted": False, "guest.status": REFUSED}
OPTIONAL_SIGNING = {"signing.enabled": True, "signing.required": False}
REQUIRED_SIGNING = {"signing.enabled": True, "signing.required": True}


@dataclass(frozen=True)
class Variant:
    """settings: of smb.conf. finds: dotted keys of the result. password: tried with USER, who exists."""

    name: str
    settings: Mapping[str, str]
    verdict: str
    finds: Mapping[str, Any] = field(default_factory=dict)
    password: str | None = None


def _limited(newest: str, dialects: list[str], *, encrypts: bool) -> Variant:
    return Variant(
        f"guests, nothing newer than {newest}",
        GUEST | {"server max protocol": newest},
        "guest_only_suspected",
        AS_GUEST
        | OPTIONAL_SIGNING
        | {"dialects": dialects, "encryption.supported": encrypts, "anonymous.accepted": True},
    )


VARIANTS = (
    Variant(
        "guests for unknown users",
        GUEST,
        "guest_only_suspected",
        AS_GUEST
        | OPTIONAL_SIGNING
        | {
            "dialects": ALL,
            "smb1": False,
            "anonymous.accepted": True,
            "encryption.supported": True,
            "encryption.demanded": False,
            "knows_accounts": None,
            "mechanisms": ["NTLM"],
            "identity.netbios_name": "PROBENAS",
            "incomplete": None,
            "opening": "may_help",
        },
    ),
    Variant(
        "accounts only, signing mandatory, nothing for the nameless",
        {"server signing": "mandatory", "restrict anonymous": "2"},
        "accounts_only",
        NOT_AS_GUEST | REQUIRED_SIGNING | {"anonymous.accepted": True, "knows_accounts": True, "opening": "pointless"},
    ),
    Variant(
        "guests although signing is mandatory",
        GUEST | {"server signing": "mandatory"},
        "guest_signing_required",
        AS_GUEST | REQUIRED_SIGNING | {"anonymous.accepted": True, "knows_accounts": None, "opening": "unknown"},
    ),
    _limited("SMB2_02", ALL[:1], encrypts=False),
    _limited("SMB2_10", ALL[:2], encrypts=False),
    _limited("SMB3_00", ALL[:3], encrypts=True),
    _limited("SMB3_02", ALL[:4], encrypts=True),
    Variant(
        "guests, nothing older than 3.1.1",
        GUEST | {"server min protocol": "SMB3_11"},
        "guest_only_suspected",
        AS_GUEST | {"dialects": ALL[4:], "smb1": False},
    ),
    Variant(
        "guests, and SMB1 besides",
        GUEST | {"server min protocol": "NT1"},
        "guest_only_suspected",
        AS_GUEST | {"dialects": ALL, "smb1": True},
    ),
    Variant(
        "SMB1 alone",
        GUEST | {"server min protocol": "NT1", "server max protocol": "NT1"},
        "smb1_only",
        {"dialects": [], "smb1": True, "guest.accepted": None, "anonymous.accepted": None, "opening": "pointless"},
    ),
    Variant(
        "encryption required, unknown users would be guests",
        GUEST | {"server smb encrypt": "required"},
        "guest_unusable",
        OPTIONAL_SIGNING
        | {"guest.accepted": False, "guest.status": DENIED, "anonymous.status": DENIED, "encryption.demanded": True},
    ),
    Variant(
        "encryption required, accounts only",
        {"server smb encrypt": "required"},
        "accounts_only",
        NOT_AS_GUEST | {"anonymous.status": DENIED, "encryption.demanded": True},
    ),
    Variant(
        "encryption wanted, unknown users are guests",
        GUEST | {"server smb encrypt": "desired"},
        "guest_unusable",
        AS_GUEST | {"anonymous.accepted": True, "encryption.demanded": True, "opening": "pointless"},
    ),
    Variant(
        "guests for wrong passwords too",
        {"map to guest": "Bad Password"},
        "guest_only_suspected",
        AS_GUEST | OPTIONAL_SIGNING | {"anonymous.accepted": True},
    ),
    Variant(
        "guests alone",
        GUEST | {"guest only": "yes"},
        "guest_only_suspected",
        AS_GUEST | OPTIONAL_SIGNING | {"anonymous.accepted": True},
    ),
    Variant(
        "never a guest",
        {"map to guest": "Never"},
        "accounts_only",
        NOT_AS_GUEST | OPTIONAL_SIGNING | {"anonymous.accepted": True, "dialects": ALL},
    ),
    Variant(
        "guests, and an account that works",
        GUEST,
        "guest_offered",
        AS_GUEST | {"account.accepted": True, "account.status": LET_IN, "knows_accounts": True},
        password=PASSWORD,
    ),
    Variant(
        "guests, and an account whose password is wrong",
        GUEST,
        "guest_offered",
        AS_GUEST | {"account.accepted": False, "account.status": REFUSED, "knows_accounts": True},
        password="wrong",
    ),
    Variant(
        "guests for wrong passwords too, and one is tried",
        {"map to guest": "Bad Password"},
        "guest_only_suspected",
        AS_GUEST | {"account.accepted": False, "account.status": LET_IN, "knows_accounts": None},
        password="wrong",
    ),
    Variant(
        "accounts only, and one that works",
        {"server signing": "mandatory"},
        "accounts_only",
        NOT_AS_GUEST | {"account.accepted": True, "account.status": LET_IN},
        password=PASSWORD,
    ),
    Variant(
        "encryption required, and an account that works",
        {"server smb encrypt": "required"},
        "accounts_only",
        NOT_AS_GUEST | {"account.accepted": True, "encryption.demanded": True},
        password=PASSWORD,
    ),
    Variant(
        "NTLM switched off for accounts",
        GUEST | {"ntlm auth": "disabled"},
        "guest_only_suspected",
        AS_GUEST | {"account.accepted": False, "account.status": "STATUS_NTLM_BLOCKED (0xC0000418)"},
        password=PASSWORD,
    ),
    Variant(
        "does not serve this address",
        GUEST | {"hosts deny": "ALL"},
        "no_answer",
        {
            "reachable": True,
            "dialects": [],
            "smb1": None,
            "evidence.0": "It refuses to talk to the address of the control node.",
        },
    ),
)
