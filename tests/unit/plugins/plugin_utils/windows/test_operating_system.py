# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which Windows a host runs, and answers that no Windows gives."""

from __future__ import annotations

from typing import Any

import pytest
from in_process import session

from ansible_collections.winops.smb_guest.plugins.plugin_utils.core.errors import AccessDenied, HostError
from ansible_collections.winops.smb_guest.plugins.plugin_utils.tables.settings import SETTINGS
from ansible_collections.winops.smb_guest.plugins.plugin_utils.windows.computer import read_clock, read_product_type
from ansible_collections.winops.smb_guest.plugins.plugin_utils.windows.operating_system import (
    CURRENT_VERSION,
    OperatingSystem,
    read_operating_system,
)
from ansible_collections.winops.smb_guest.plugins.plugin_utils.windows.registry import Registry
from ansible_collections.winops.smb_guest.plugins.plugin_utils.wsman.cim import CimInstance
from simulated_windows.in_process import START, InProcessHost


class Odd:
    """A session onto a simulated host whose instances say something else: values by property, or how many there are."""

    def __init__(self, host: InProcessHost, *, count: int = 1, **values: Any) -> None:
        self._session, self._values, self._count = session(host), values, count

    def call(self, operation: Any) -> Any:
        return self._session.call(operation)

    def query(self, enumerate_: Any) -> list[CimInstance]:
        found = self._session.query(enumerate_)
        for instance in found:
            known = {name: value for name, value in self._values.items() if name in instance.values}
            object.__setattr__(instance, "values", {**instance.values, **known})
        return found * self._count


def read(host: InProcessHost, **odd: Any) -> OperatingSystem:
    onto: Any = Odd(host, **odd)
    return read_operating_system(onto, Registry(onto))


def test_the_facts() -> None:
    host = InProcessHost("windows_10_22h2_pro", part_of_domain=True, domain="corp.example")
    system = read(host, Caption=" Microsoft Windows 10 Pro ")
    assert {**system.as_dict(), "ubr": 0} == {
        "caption": "Microsoft Windows 10 Pro",
        "product": "client",
        "edition_id": "Professional",
        "sku": 48,
        "version": "22H2",
        "build": 19045,
        "ubr": 0,
        "product_type": "workstation",
        "part_of_domain": True,
        "domain": "corp.example",
    }
    assert str(system) == f"Microsoft Windows 10 Pro 22H2 (build 19045.{system.ubr})"
    assert read_product_type(session(host)) == "workstation"
    assert read_clock(session(host)) == START


def test_three_requests_where_build_and_sku_are_known() -> None:
    host = InProcessHost()
    read(host)
    assert host.requests == 3


def test_the_edition_of_a_sku_that_the_table_does_not_name_is_read() -> None:
    host = InProcessHost()
    host.registry.set(f"HKLM\\{CURRENT_VERSION}", "EditionID", "REG_SZ", "Made\nUp")
    assert read(host).edition_id == "Professional"
    for sku in (9999, None):
        assert read(host, OperatingSystemSKU=sku).edition_id == "Made Up"


def test_the_product() -> None:
    table = [
        (1, 48, "client", "workstation"),
        (2, 7, "server", "domain_controller"),
        (3, 7, "server", "server"),
        (3, 175, "client", "server"),
        (1, 175, "client", "workstation"),
        (1, None, "client", "workstation"),
        (1, "48", "client", "workstation"),
    ]
    for number, sku, product, product_type in table:
        system = read(InProcessHost(), ProductType=number, OperatingSystemSKU=sku)
        assert (system.product, system.product_type) == (product, product_type), (number, sku)


def test_answers_that_no_windows_gives() -> None:
    for number in (None, 0, 4, "1"):
        with pytest.raises(HostError, match="ProductType"):
            read(InProcessHost(), ProductType=number)
    for text in (None, "", "19045a", "-1", "19045.1", "\u0661\u0669", 19045, "9" * 5000):
        with pytest.raises(HostError, match="BuildNumber"):
            read(InProcessHost(), BuildNumber=text)
    onto: Any = Odd(InProcessHost(), LocalDateTime="noon")
    with pytest.raises(HostError, match="LocalDateTime"):
        read_clock(onto)
    for count, error in ((0, AccessDenied), (2, HostError)):
        with pytest.raises(error, match="Win32_OperatingSystem") as caught:
            read(InProcessHost(), count=count)
        assert caught.value.__class__ is error
    assert read(InProcessHost(), Caption=None).caption == "Windows"


def test_the_version_of_a_build_that_the_table_does_not_name() -> None:
    table: list[tuple[dict[str, tuple[str, Any]], str | None]] = [
        ({"DisplayVersion": ("REG_SZ", "27H2"), "ReleaseId": ("REG_SZ", "2009")}, "27H2"),
        ({"ReleaseId": ("REG_SZ", "2009")}, "2009"),
        ({}, None),
        ({"DisplayVersion": ("REG_DWORD", 5)}, None),
    ]
    for values, version in table:
        host = InProcessHost()
        for name in ("DisplayVersion", "ReleaseId"):
            host.registry.delete_value(f"HKLM\\{CURRENT_VERSION}", name)
        for name, (kind, data) in values.items():
            host.registry.set(f"HKLM\\{CURRENT_VERSION}", name, kind, data)
        host.reset_counters()
        assert read(host, BuildNumber="30000").version == version
        assert host.requests <= 6


def test_a_value_that_is_missing_or_of_another_type() -> None:
    for name, fact, kind, data in (("UBR", "ubr", "REG_SZ", "7"), ("EditionID", "edition_id", "REG_DWORD", 7)):
        host = InProcessHost()
        host.registry.set(f"HKLM\\{CURRENT_VERSION}", name, kind, data)
        assert read(host, OperatingSystemSKU=9999).as_dict()[fact] is None
        host.registry.delete_value(f"HKLM\\{CURRENT_VERSION}", name)
        assert read(host, OperatingSystemSKU=9999).as_dict()[fact] is None


def test_what_a_default_hangs_on() -> None:
    guest, signing = SETTINGS["insecure_guest_logons"], SETTINGS["server_signing"]
    nameless = InProcessHost("windows_10_1809_enterprise")
    nameless.registry.delete_value(f"HKLM\\{CURRENT_VERSION}", "EditionID")
    assert read(nameless).default(guest).value is False, "the SKU tells the edition"
    for preset, expected in (
        ("windows_10_20h2_enterprise", False),
        ("windows_10_20h2_enterprise_without_kb5003173", True),
    ):
        assert read(InProcessHost(preset)).default(guest).value is expected, preset
    assert read(InProcessHost("domain_controller")).default(signing).value is True
    assert read(InProcessHost("server_2022")).default(signing).value is False


def test_the_domain() -> None:
    table: list[tuple[dict[str, Any], Any, Any]] = [
        ({"PartOfDomain": False, "Domain": "WORKGROUP"}, False, None),
        ({"PartOfDomain": None, "Domain": "x"}, None, None),
        ({"PartOfDomain": True, "Domain": None}, True, None),
        ({"PartOfDomain": "yes", "Domain": "x"}, None, "x"),
    ]
    for values, part, domain in table:
        system = read(InProcessHost(), **values)
        assert (system.part_of_domain, system.domain) == (part, domain), values
