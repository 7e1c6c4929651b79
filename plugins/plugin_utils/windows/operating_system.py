# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which Windows a host runs: edition, build, update, role, domain.

Sources: Microsoft Learn, Win32_OperatingSystem (Caption, BuildNumber, OperatingSystemSKU, ProductType) and
Win32_ComputerSystem (PartOfDomain, Domain). EditionID and UBR stand in no class, only in the registry.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from ..core.errors import HostError
from ..core.text import one_line
from ..tables.os_defaults import RELEASES, OsDefault, edition_group, edition_id_of, os_default
from ..tables.settings import Setting
from ..winrm.session import Session
from ..wsman.cim import CimInstance
from .computer import COMPUTER_SYSTEM, OPERATING_SYSTEM, aware, only_instance, product_type_of
from .registry import Registry, WrongType

CURRENT_VERSION = r"SOFTWARE\Microsoft\Windows NT\CurrentVersion"


MAX_NAME = 255
"""Characters of a name that the host sends: a DNS name has no more."""

# Enterprise multi-session says ProductType 3 although it is a client Windows (from memory of others, unconfirmed).
MULTI_SESSION_SKU = 175


@dataclass(frozen=True)
class OperatingSystem:
    """The `os` facts.

    Attributes:
        product: `client` or `server`.
        version: Such as `24H2`, None where nothing says it.
        ubr: The update build revision.
        product_type: `workstation`, `server` or `domain_controller`.
        computer_name: As the host calls itself.
        clock: Its time when it was read.
    """

    caption: str
    product: str
    edition_id: str | None
    sku: int | None
    version: str | None
    build: int
    ubr: int | None
    product_type: str
    part_of_domain: bool | None
    domain: str | None
    computer_name: str | None = None
    clock: datetime | None = None

    def __str__(self) -> str:
        ubr = "" if self.ubr is None else f".{self.ubr}"
        return f"{self.caption} {self.version or ''}".rstrip() + f" (build {self.build}{ubr})"

    def as_dict(self) -> dict[str, Any]:
        """Without name and clock, which are no facts about Windows: see `posture/facts.py`."""
        facts = asdict(self)
        return {name: value for name, value in facts.items() if name not in ("computer_name", "clock")}

    @property
    def edition_group(self) -> str | None:
        """Such as `home` or `pro`; see os_defaults."""
        return edition_group(self.edition_id, self.sku, self.product)

    def default(self, setting: Setting) -> OsDefault:
        """What this Windows does for a setting that nobody configured."""
        return os_default(
            setting.name,
            product=self.product,
            group=self.edition_group,
            build=self.build,
            ubr=self.ubr,
            domain_controller=self.product_type == "domain_controller",
        )


def read_operating_system(session: Session, registry: Registry) -> OperatingSystem:
    """Three requests; more where tables do not name the SKU (one) or the build (up to two)."""
    system = only_instance(session, OPERATING_SYSTEM)
    computer = only_instance(session, COMPUTER_SYSTEM)
    build = _build_number(system)
    sku = system.get("OperatingSystemSKU")
    sku = sku if isinstance(sku, int) else None
    product_type = product_type_of(system)
    part_of_domain, domain = computer.get("PartOfDomain"), computer.get("Domain")
    return OperatingSystem(
        caption=one_line(str(system.get("Caption") or "Windows"), MAX_NAME),
        product="client" if product_type == "workstation" or sku == MULTI_SESSION_SKU else "server",
        # The tables first: the SKU has been read already, a registry value costs a request each.
        edition_id=edition_id_of(sku) or _string(registry, "EditionID"),
        sku=sku,
        version=RELEASES.get(build) or _string(registry, "DisplayVersion") or _string(registry, "ReleaseId"),
        build=build,
        ubr=_ubr(registry),
        product_type=product_type,
        part_of_domain=part_of_domain if isinstance(part_of_domain, bool) else None,
        domain=one_line(domain, MAX_NAME) if part_of_domain and isinstance(domain, str) else None,
        computer_name=one_line(name, MAX_NAME) if isinstance(name := system.get("CSName"), str) and name else None,
        clock=aware(now) if isinstance(now := system.get("LocalDateTime"), datetime) else None,
    )


def _build_number(system: CimInstance) -> int:
    text = system.get("BuildNumber")
    if not isinstance(text, str) or not re.fullmatch("[0-9]{1,9}", text):
        raise HostError(f"Win32_OperatingSystem.BuildNumber is {text!r}, a number was expected.")
    return int(text)


def _string(registry: Registry, name: str) -> str | None:
    try:
        text = registry.string(CURRENT_VERSION, name)
        return None if text is None else one_line(text, MAX_NAME)
    except WrongType:
        return None


def _ubr(registry: Registry) -> int | None:
    try:
        return registry.dword(CURRENT_VERSION, "UBR")
    except WrongType:
        return None
