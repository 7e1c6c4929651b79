# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What WMI says of the computer itself: its classes, its clock, its product type. One request for each.

Sources: Microsoft Learn, Win32_OperatingSystem and Win32_ComputerSystem.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

from ..core.errors import AccessDenied, HostError
from ..winrm.session import Session
from ..wsman.cim import CimClass, CimInstance, CimType, Field
from ..wsman.operations import Enumerate

OPERATING_SYSTEM = CimClass(
    "root/cimv2",
    "Win32_OperatingSystem",
    {
        "Caption": Field(CimType.STRING),
        "BuildNumber": Field(CimType.STRING),
        "OperatingSystemSKU": Field(CimType.UINT32),
        "ProductType": Field(CimType.UINT32),
        "CSName": Field(CimType.STRING),
        "LocalDateTime": Field(CimType.DATETIME),
    },
)
PRODUCT_TYPE = CimClass("root/cimv2", "Win32_OperatingSystem", {"ProductType": Field(CimType.UINT32)})
CLOCK = CimClass("root/cimv2", "Win32_OperatingSystem", {"LocalDateTime": Field(CimType.DATETIME)})
COMPUTER_SYSTEM = CimClass(
    "root/cimv2", "Win32_ComputerSystem", {"PartOfDomain": Field(CimType.BOOLEAN), "Domain": Field(CimType.STRING)}
)

PRODUCT_TYPES: Mapping[int, str] = MappingProxyType({1: "workstation", 2: "domain_controller", 3: "server"})


def read_clock(session: Session) -> datetime:
    """The host's clock, aware. One request."""
    now = only_instance(session, CLOCK).get("LocalDateTime")
    if not isinstance(now, datetime):
        raise HostError(f"Win32_OperatingSystem.LocalDateTime is {now!r}, a time was expected.")
    return aware(now)


@dataclass(frozen=True)
class RunningClock:
    """The host's clock, read once, and going on with the control node's since. ticks: what that showed then."""

    read: datetime
    ticks: float

    @classmethod
    def of(cls, now: datetime) -> RunningClock:
        """now: the host's clock, just read."""
        return cls(now, _ticks())

    def now(self) -> datetime:
        return self.read + timedelta(seconds=_ticks() - self.ticks)


def _ticks() -> float:
    """Seconds; of a clock that nobody sets, and that goes on while the control node sleeps where there is one."""
    boottime = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if boottime is None else time.clock_gettime(boottime)


def read_product_type(session: Session) -> str:
    """`workstation`, `server` or `domain_controller`. One request."""
    return product_type_of(only_instance(session, PRODUCT_TYPE))


def aware(moment: datetime) -> datetime:
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)


def only_instance(session: Session, cls: CimClass) -> CimInstance:
    instances = session.query(Enumerate(cls, f"SELECT {','.join(cls.properties)} FROM {cls.name}"))
    if not instances:
        raise AccessDenied(
            f"querying {cls.name}: it answered with an empty list, as WMI does to accounts without rights"
        )
    if len(instances) != 1:
        raise HostError(f"The host answered {len(instances)} instances of {cls.name}, one was expected.")
    return instances[0]


def product_type_of(system: CimInstance) -> str:
    number = system.get("ProductType")
    product_type = PRODUCT_TYPES.get(number) if isinstance(number, int) else None
    if product_type is None:
        raise HostError(f"Win32_OperatingSystem.ProductType is {number!r}; 1, 2 or 3 was expected.")
    return product_type
