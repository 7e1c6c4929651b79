# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which Windows a host runs, and answers that no Windows gives."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.winops.smb_guest.plugins.plugin_utils.errors import AccessDenied, HostError
from ansible_collections.winops.smb_guest.plugins.plugin_utils.tables.settings import SETTINGS
from ansible_collections.winops.smb_guest.plugins.plugin_utils.windows.operating_system import (
    OperatingSystem,
    read_operating_system,
)
from ansible_collections.winops.smb_guest.plugins.plugin_utils.windows.registry import Registry

from ..fakes import CURRENT_VERSION, FakeHost, windows_10


def read(host: FakeHost) -> OperatingSystem:
    return read_operating_system(host, Registry(host))


def test_the_facts() -> None:
    host = windows_10(
        system={"Caption": " Microsoft Windows 10 Pro "}, computer={"PartOfDomain": True, "Domain": "corp.example"}
    )
    assert read(host).as_dict() == {
        "caption": "Microsoft Windows 10 Pro",
        "product": "client",
        "edition_id": "Professional",
        "sku": 48,
        "version": "22H2",
        "build": 19045,
        "ubr": 5000,
        "product_type": "workstation",
        "part_of_domain": True,
        "domain": "corp.example",
    }
    assert str(read(host)) == "Microsoft Windows 10 Pro 22H2 (build 19045.5000)"


def test_four_requests_where_the_build_is_known() -> None:
    host = windows_10()
    read(host)
    assert len(host.requests) == 4
    assert host.writes == []


@pytest.mark.parametrize(
    ("number", "sku", "product", "product_type"),
    [
        (1, 48, "client", "workstation"),
        (2, 7, "server", "domain_controller"),
        (3, 7, "server", "server"),
        (3, 8, "server", "server"),
        (3, 175, "client", "server"),
        (1, 175, "client", "workstation"),
        (1, None, "client", "workstation"),
    ],
)
def test_product_type(number: int, sku: int | None, product: str, product_type: str) -> None:
    system = read(windows_10(product_type=number, sku=sku))
    assert (system.product, system.product_type) == (product, product_type)


@pytest.mark.parametrize("number", [None, 0, 4, "1"])
def test_product_type_that_is_none(number: object) -> None:
    with pytest.raises(HostError, match="ProductType"):
        read(windows_10(system={"ProductType": number}))


@pytest.mark.parametrize("text", [None, "", "19045a", "-1", "19045.1", "\u0661\u0669", 19045, "9" * 5000])
def test_build_that_is_no_number(text: object) -> None:
    with pytest.raises(HostError, match="BuildNumber"):
        read(windows_10(system={"BuildNumber": text}))


@pytest.mark.parametrize(
    ("values", "version"),
    [
        ({"DisplayVersion": "27H2", "ReleaseId": "2009"}, "27H2"),
        ({"ReleaseId": "2009"}, "2009"),
        ({}, None),
        ({"DisplayVersion": 5}, None),
    ],
)
def test_version_of_a_build_that_the_table_does_not_name(values: dict[str, Any], version: str | None) -> None:
    host = windows_10(build=30000)
    for name, value in values.items():
        host.put(CURRENT_VERSION, name, value)
    system = read(host)
    assert system.version == version
    assert str(system).endswith("(build 30000.5000)")
    assert len(host.requests) <= 6


@pytest.mark.parametrize(("name", "fact"), [("UBR", "ubr"), ("EditionID", "edition_id")])
def test_a_value_that_is_missing_or_of_another_type(name: str, fact: str) -> None:
    host = windows_10()
    host.keys[CURRENT_VERSION][name] = 7 if name == "EditionID" else "7"
    assert read(host).as_dict()[fact] is None
    del host.keys[CURRENT_VERSION][name]
    assert read(host).as_dict()[fact] is None


def test_an_edition_that_cannot_be_read_is_told_by_the_sku() -> None:
    host = windows_10(build=18363, sku=4)
    del host.keys[CURRENT_VERSION]["EditionID"]
    assert read(host).default(SETTINGS["insecure_guest_logons"]).value is False


def test_kb5003173_needs_the_ubr() -> None:
    host = windows_10(build=19042, edition="Enterprise", sku=4)
    for ubr, expected in ((984, True), (985, False)):
        host.put(CURRENT_VERSION, "UBR", ubr)
        assert read(host).default(SETTINGS["insecure_guest_logons"]).value is expected


def test_a_domain_controller_knows_its_default() -> None:
    assert read(windows_10(build=20348, product_type=2)).default(SETTINGS["server_signing"]).value is True
    assert read(windows_10(build=20348, product_type=3)).default(SETTINGS["server_signing"]).value is False


@pytest.mark.parametrize(
    ("computer", "part", "domain"),
    [
        ({"PartOfDomain": False, "Domain": "WORKGROUP"}, False, None),
        ({"PartOfDomain": None, "Domain": "x"}, None, None),
        ({"PartOfDomain": True, "Domain": None}, True, None),
    ],
)
def test_domain(computer: dict[str, Any], part: bool | None, domain: str | None) -> None:
    system = read(windows_10(computer=computer))
    assert (system.part_of_domain, system.domain) == (part, domain)


@pytest.mark.parametrize(("count", "error"), [(0, AccessDenied), (2, HostError)])
def test_not_exactly_one_instance(count: int, error: type[Exception]) -> None:
    host = windows_10()
    plain = host.query
    host.query = lambda enumeration: plain(enumeration) * count
    with pytest.raises(error, match="Win32_OperatingSystem") as caught:
        read(host)
    assert caught.value.__class__ is error


def test_a_caption_of_null() -> None:
    assert read(windows_10(system={"Caption": None})).caption == "Windows"
