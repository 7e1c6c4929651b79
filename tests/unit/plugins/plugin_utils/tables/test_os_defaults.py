# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table of defaults, cell by cell, against the matrix of the reference, typed here a second time.

A letter is a value with its confidence: Y/N true and false, `?` unknown. Confidence: c confirmed, d derived,
1 one page, x the pages conflict, u unconfirmed.
"""

from __future__ import annotations

from itertools import product

import pytest

from ansible_collections.winops.smb_guest.plugins.plugin_utils.tables import os_defaults
from ansible_collections.winops.smb_guest.plugins.plugin_utils.tables.os_defaults import edition_group, os_default
from ansible_collections.winops.smb_guest.plugins.plugin_utils.tables.settings import SETTINGS
from simulated_windows.editions import EDITION_PRESETS

GUEST, SIGNING, INBOUND = "insecure_guest_logons", "client_signing", "server_signing"
VALUES = {"Y": True, "N": False, "?": None}
CONFIDENCES = {
    "c": "confirmed",
    "d": "derived",
    "1": "one page",
    "x": "conflict",
    "u": "unconfirmed",
}

EDITIONS = "home pro  pro_ws pro_edu edu ent ltsc iot other"
GUEST_CLIENTS = """
10240       Yd   Yd   Yd     Yd      Yd  Yd  Yd   Yd  Yd
10586       Yd   Yd   Yd     Yd      Yd  Yd  Yd   Yd  Yd
14393       Yd   Yd   Yd     Yd      Yd  Yd  Yd   Yd  Yd
15063       Yd   Yd   Yd     Yd      Yd  Yd  Yd   Yd  Yd
16299       Yc   Yc   N1     ?u      Nc  Nc  ?u   ?u  ?u
17134       Yc   Yc   N1     ?u      Nc  Nc  ?u   ?u  ?u
17763       Yd   Yd   N1     ?u      Nd  Nd  ?u   ?u  ?u
18362       Yc   Yc   N1     ?u      Nc  Nc  ?u   ?u  ?u
18363       Yc   Yc   N1     ?u      Nc  Nc  ?u   ?u  ?u
19041       Yc   Yc   N1     ?u      Nc  Nc  ?u   ?u  ?u
19042       Yc   Yc   N1     ?u      Nc  Nc  ?u   ?u  ?u
19043       Yc   Yc   N1     ?u      Nc  Nc  ?u   ?u  ?u
19044       Yd   Yd   N1     ?u      Nd  Nd  ?u   ?u  ?u
19045       Yd   Yd   N1     ?u      Nd  Nd  ?u   ?u  ?u
22000       Yd   Yd   N1     ?u      Nd  Nd  ?u   ?u  ?u
22621       Yd   Yd   N1     ?u      Nd  Nd  ?u   ?u  ?u
22631       Yd   Yd   N1     ?u      Nd  Nd  ?u   ?u  ?u
26100       ?u   Nc   N1     ?u      Nc  Nc  ?u   ?u  ?u
26200       ?u   Nd   N1     ?u      Nd  Nd  ?u   ?u  ?u
28000       ?u   Nd   N1     ?u      Nd  Nd  ?u   ?u  ?u
"""
SIGNING_CLIENTS = """
26100       N1   Yc   ?u     ?u      Yc  Yc  ?u   ?u  ?u
26200       Nd   Yd   ?u     ?u      Yd  Yd  ?u   ?u  ?u
28000       Nd   Yd   ?u     ?u      Yd  Yd  ?u   ?u  ?u
"""
INBOUND_CLIENTS = """
26100       Nx   Yc   ?u     ?u      Yc  Yc  ?u   ?u  ?u
26200       Nx   Yd   ?u     ?u      Yd  Yd  ?u   ?u  ?u
28000       Nx   Yd   ?u     ?u      Yd  Yd  ?u   ?u  ?u
"""
SERVERS = f"""
build       {GUEST} {SIGNING} {INBOUND}
14393       Yx   Nc   Nc
17763       Nc   Nc   Nc
20348       Nd   Nc   Nc
25398       Nd   Nc   Nc
26100       Nd   Yc   Nx
"""
BEFORE_24H2 = [int(line.split()[0]) for line in GUEST_CLIENTS.strip().split("\n") if int(line.split()[0]) < 26100]
OLD_SIGNING = "\n".join(f"{build} " + "Nc " * 9 for build in BEFORE_24H2)

CARRIES_KB = 985
DENIES_WITH_KB = ("pro_ws", "edu", "ent")
KB_BUILDS = (19041, 19042, 19043)


def _rows(table: str, heads: str) -> list[tuple[int, str, str]]:
    rows = (line.split() for line in table.split("\n") if line.strip())
    return [(int(row[0]), head, cell) for row in rows for head, cell in zip(heads.split(), row[1:], strict=True)]


CLIENT_CELLS = [
    (setting, *cell)
    for setting, table in (
        (GUEST, GUEST_CLIENTS),
        (SIGNING, OLD_SIGNING + SIGNING_CLIENTS),
        (INBOUND, OLD_SIGNING + INBOUND_CLIENTS),
    )
    for cell in _rows(table, EDITIONS)
]
SERVER_CELLS = [
    (setting, build, cell) for build, setting, cell in _rows(SERVERS.split("\n", 2)[2], f"{GUEST} {SIGNING} {INBOUND}")
]


def test_clients() -> None:
    for setting, build, group, cell in CLIENT_CELLS:
        found = os_default(setting, product="client", group=group, build=build, ubr=CARRIES_KB)
        expected = VALUES[cell[0]], CONFIDENCES[cell[1]]
        assert (found.value, found.confidence) == expected, (setting, build, group)


def test_servers() -> None:
    for setting, build, cell in SERVER_CELLS:
        found = os_default(setting, product="server", group="server", build=build, ubr=None)
        assert (found.value, found.confidence) == (VALUES[cell[0]], CONFIDENCES[cell[1]]), (setting, build)


def test_the_tables_hold_no_further_cell() -> None:
    for setting, (clients, servers) in os_defaults._TABLES.items():
        held = {(setting, build, group) for build, row in clients.items() for group in row}
        assert held == {cell[:3] for cell in CLIENT_CELLS if cell[0] == setting}
        assert {(setting, build) for build in servers} == {cell[:2] for cell in SERVER_CELLS if cell[0] == setting}


def test_kb5003173() -> None:
    for row in product(EDITIONS.split(), KB_BUILDS, (1, 984, 985, 986, None)):
        group, build, ubr = row
        found = os_default(GUEST, product="client", group=group, build=build, ubr=ubr)
        if group not in DENIES_WITH_KB:
            expected = {"home": True, "pro": True}.get(group)
        elif ubr is None:
            expected = None
            assert found.confidence == "unknown", row
        else:
            expected = ubr < 985
        assert found.value is expected, row
        assert found.note or expected is not None, row


@pytest.mark.parametrize("build", [18363, 19044, 19045, 22000])
@pytest.mark.parametrize("ubr", [984, None])
def test_the_neighbours_of_the_kb_deny_at_any_revision(build: int, ubr: int | None) -> None:
    assert os_default(GUEST, product="client", group="ent", build=build, ubr=ubr).value is False


@pytest.mark.parametrize(
    ("product", "group", "build", "stored"),
    [
        *(("client", group, build, True) for build in (16299, 17134, 17763, 18362, 18363) for group in DENIES_WITH_KB),
        *(("client", group, build, False) for build in (15063, 19041, 19045, 22631, 26100) for group in DENIES_WITH_KB),
        ("client", "pro", 17763, False),
        ("client", "home", 18363, False),
        ("server", "server", 14393, False),
        ("server", "server", 17763, True),
        ("server", "server", 20348, False),
    ],
)
def test_where_the_default_is_a_stored_value(product: str, group: str, build: int, stored: bool) -> None:
    """1709 to 1909 and Server 2019 deny where the value exists and is 0; later ones where it is missing or 0."""
    assert os_default(GUEST, product=product, group=group, build=build, ubr=CARRIES_KB).stored is stored


@pytest.mark.parametrize(
    ("product", "group", "build"),
    [
        ("client", "ent", 99999),
        ("client", "ent", 19046),
        ("client", "ent", 9600),
        ("client", None, 19045),
        ("client", "server", 19045),
        ("server", "server", 26200),
        ("server", "server", 19045),
        ("server", None, 20348),
        ("client", "ent", 20348),
    ],
)
@pytest.mark.parametrize("setting", [GUEST, SIGNING, INBOUND])
def test_what_no_table_names_is_not_known(setting: str, product: str, group: str | None, build: int) -> None:
    found = os_default(setting, product=product, group=group, build=build, ubr=None)
    assert (found.value, found.confidence) == (None, "unknown")
    assert found.note


@pytest.mark.parametrize("build", [14393, 26100, 99999])
def test_a_domain_controller_requires_inbound_signing_and_nothing_else(build: int) -> None:
    def default(setting: str, domain_controller: bool) -> bool | None:
        return os_default(
            setting, product="server", group="server", build=build, ubr=1, domain_controller=domain_controller
        ).value

    assert default(INBOUND, True) is True
    for setting in (GUEST, SIGNING):
        assert default(setting, True) is default(setting, False)


CONSTANTS = {
    "client_encryption": "Nc",
    "server_encryption": "?u",
    "audit_insecure_guest_logons": "N1",
    "audit_server_without_signing": "N1",
    "audit_server_without_encryption": "N1",
    "server_audit_insecure_guest_logons": "N1",
    "server_audit_client_without_signing": "N1",
    "server_audit_client_without_encryption": "N1",
}


@pytest.mark.parametrize(("setting", "cell"), CONSTANTS.items())
@pytest.mark.parametrize(("product", "group", "build"), [("client", "ent", 26100), ("server", None, 1)])
def test_constants(setting: str, cell: str, product: str, group: str | None, build: int) -> None:
    found = os_default(setting, product=product, group=group, build=build, ubr=None)
    assert (found.value, found.confidence) == (VALUES[cell[0]], CONFIDENCES[cell[1]])


def test_every_setting_has_a_row() -> None:
    assert {GUEST, SIGNING, INBOUND, *CONSTANTS} == set(SETTINGS)


def test_what_is_not_confirmed_says_why() -> None:
    """A reader of the facts sees a confidence; a reader of an error sees the note."""
    cells = [
        cell
        for tables in os_defaults._TABLES.values()
        for table in tables
        for row in table.values()
        for cell in row.values()
    ]
    for cell in [*cells, *os_defaults.CONSTANTS.values()]:
        assert cell.confidence in CONFIDENCES.values()
        assert cell.value is not None or cell.confidence == "unconfirmed"
        assert cell.note or cell.value is not None


EDITION_IDS = {
    "home": {"Core": 101, "CoreN": 98, "CoreCountrySpecific": 99, "CoreSingleLanguage": 100},
    "pro": {"Professional": 48, "ProfessionalN": 49},
    "pro_ws": {"ProfessionalWorkstation": 161, "ProfessionalWorkstationN": 162},
    "pro_edu": {"ProfessionalEducation": 164, "ProfessionalEducationN": 165},
    "edu": {"Education": 121, "EducationN": 122},
    "ent": {"Enterprise": 4, "EnterpriseN": 27, "ServerRdsh": 175},
    "ltsc": {"EnterpriseS": 125, "EnterpriseSN": 126, "EnterpriseSEval": 129, "EnterpriseSNEval": 130},
    "iot": {
        "IoTEnterprise": 188,
        "IoTEnterpriseS": 191,
        "IoTEnterpriseSK": 205,
        "IoTEnterpriseK": 206,
        "IoTEnterpriseSEval": 207,
    },
    "other": {
        "ProfessionalSingleLanguage": 138,
        "ProfessionalCountrySpecific": 139,
        "EnterpriseEval": 72,
        "EnterpriseNEval": 84,
        "CloudEdition": 203,
        "CloudEditionN": 202,
    },
}


@pytest.mark.parametrize(
    ("group", "edition_id", "sku"),
    [(group, edition_id, sku) for group, names in EDITION_IDS.items() for edition_id, sku in names.items()],
)
def test_edition_groups(group: str, edition_id: str, sku: int) -> None:
    assert edition_group(edition_id, sku, "client") == group
    assert edition_group(edition_id, None, "client") == group
    assert edition_group(None, sku, "client") == group
    assert edition_group("NeverHeardOf", sku, "client") == group


@pytest.mark.parametrize(("edition_id", "sku"), [(None, None), ("", 0), ("NeverHeardOf", 9999), ("core", None)])
def test_an_edition_that_is_not_known(edition_id: str | None, sku: int | None) -> None:
    assert edition_group(edition_id, sku, "client") is None


def test_edition_id_is_stronger_than_sku() -> None:
    assert edition_group("Core", 4, "client") == "home"


@pytest.mark.parametrize(
    ("edition_id", "sku"),
    [
        ("ServerStandard", 7),
        ("ServerDatacenter", 12),
        ("ServerStandardEval", 79),
        ("ServerDatacenterEval", 80),
        ("ServerTurbine", 407),
        ("ServerTurbineCor", 408),
        ("ServerNeverHeardOf", 9999),
        (None, None),
    ],
)
def test_every_server_is_one_group(edition_id: str | None, sku: int | None) -> None:
    assert edition_group(edition_id, sku, "server") == "server"


def test_azure_stack_hci_has_no_default() -> None:
    group = edition_group("ServerAzureStackHCICor", 406, "server")
    assert group == edition_group(None, 406, "server")
    for setting in (GUEST, SIGNING, INBOUND):
        assert os_default(setting, product="server", group=group, build=20348, ubr=1).value is None


def test_every_other_edition_of_a_host_is_in_the_table() -> None:
    for preset in EDITION_PRESETS.values():
        assert any((each.edition_id, each.sku) == (preset.edition_id, preset.sku) for each in os_defaults.EDITIONS)


def test_build_20349_is_not_its_neighbour() -> None:
    assert os_default(GUEST, product="server", group="server", build=20349, ubr=1).value is None


RELEASES = [
    "10240",
    "1507",
    "10586",
    "1511",
    "14393",
    "1607",
    "15063",
    "1703",
    "16299",
    "1709",
    "17134",
    "1803",
    "17763",
    "1809",
    "18362",
    "1903",
    "18363",
    "1909",
    "19041",
    "2004",
    "19042",
    "20H2",
    "19043",
    "21H1",
    "19044",
    "21H2",
    "19045",
    "22H2",
    "20348",
    "21H2",
    "22000",
    "21H2",
    "22621",
    "22H2",
    "22631",
    "23H2",
    "25398",
    "23H2",
    "26100",
    "24H2",
    "26200",
    "25H2",
    "28000",
    "26H1",
]


def test_releases() -> None:
    expected = dict(zip(map(int, RELEASES[::2]), RELEASES[1::2], strict=True))
    assert dict(os_defaults.RELEASES) == expected
