"""The Win32 classes of root/cimv2 that describe the host: operating system, computer, services, updates.

Property names and types from the win32 CIMWin32Prov pages.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from .cim import CimClass, Instance, Method, Property, Provider
from .services import Service, Services

if TYPE_CHECKING:
    from collections.abc import Mapping

NAMESPACE = "root/cimv2"
_S, _B, _U16, _U32, _U64, _D = "string", "boolean", "uint16", "uint32", "uint64", "datetime"


def _properties(*rows: tuple[str, str]) -> tuple[Property, ...]:
    return tuple(Property(name, type_) for name, type_ in rows)


OPERATING_SYSTEM = CimClass(
    NAMESPACE,
    "Win32_OperatingSystem",
    (
        *_properties(
            ("BootDevice", _S),
            ("BuildNumber", _S),
            ("BuildType", _S),
            ("Caption", _S),
            ("CodeSet", _S),
            ("CountryCode", _S),
            ("CreationClassName", _S),
            ("CSCreationClassName", _S),
            ("CSDVersion", _S),
            ("CSName", _S),
            ("CurrentTimeZone", "sint16"),
            ("Description", _S),
            ("FreePhysicalMemory", _U64),
            ("InstallDate", _D),
            ("LastBootUpTime", _D),
            ("LocalDateTime", _D),
            ("Locale", _S),
            ("Manufacturer", _S),
        ),
        Property("MUILanguages", _S, array=True),
        *_properties(
            ("Name", _S),
            ("NumberOfUsers", _U32),
            ("OperatingSystemSKU", _U32),
            ("Organization", _S),
            ("OSArchitecture", _S),
            ("OSLanguage", _U32),
            ("OSType", _U16),
            ("Primary", _B),
            ("ProductType", _U32),
            ("RegisteredUser", _S),
            ("SerialNumber", _S),
            ("ServicePackMajorVersion", _U16),
            ("ServicePackMinorVersion", _U16),
            ("Status", _S),
            ("SystemDrive", _S),
            ("Version", _S),
            ("WindowsDirectory", _S),
        ),
    ),
)
COMPUTER_SYSTEM = CimClass(
    NAMESPACE,
    "Win32_ComputerSystem",
    (
        *_properties(
            ("Caption", _S),
            ("CreationClassName", _S),
            ("Description", _S),
            ("DNSHostName", _S),
            ("Domain", _S),
            ("DomainRole", _U16),
            ("HypervisorPresent", _B),
            ("Manufacturer", _S),
            ("Model", _S),
        ),
        Property("Name", _S, key=True),
        *_properties(("NumberOfProcessors", _U32), ("PartOfDomain", _B), ("PrimaryOwnerName", _S)),
        Property("Roles", _S, array=True),
        *_properties(("Status", _S), ("SystemType", _S), ("TotalPhysicalMemory", _U64), ("Workgroup", _S)),
    ),
)
SERVICE = CimClass(
    NAMESPACE,
    "Win32_Service",
    (
        *_properties(
            ("AcceptPause", _B),
            ("AcceptStop", _B),
            ("Caption", _S),
            ("CheckPoint", _U32),
            ("CreationClassName", _S),
            ("DelayedAutoStart", _B),
            ("Description", _S),
            ("DesktopInteract", _B),
            ("DisplayName", _S),
            ("ErrorControl", _S),
            ("ExitCode", _U32),
            ("InstallDate", _D),
        ),
        Property("Name", _S, key=True),
        *_properties(
            ("PathName", _S),
            ("ProcessId", _U32),
            ("ServiceSpecificExitCode", _U32),
            ("ServiceType", _S),
            ("Started", _B),
            ("StartMode", _S),
            ("StartName", _S),
            ("State", _S),
            ("Status", _S),
            ("SystemCreationClassName", _S),
            ("SystemName", _S),
            ("TagId", _U32),
            ("WaitHint", _U32),
        ),
    ),
    (Method("StartService", static=False), Method("StopService", static=False)),
)
QUICK_FIX = CimClass(
    NAMESPACE,
    "Win32_QuickFixEngineering",
    (
        Property("Caption"),
        Property("CSName", key=True),
        *_properties(("Description", _S), ("FixComments", _S)),
        Property("HotFixID", key=True),
        *_properties(("InstallDate", _D), ("InstalledBy", _S), ("InstalledOn", _S), ("Name", _S)),
        Property("ServicePackInEffect", key=True),
        Property("Status"),
    ),
)


class Listing(Provider):
    """A read-only class whose instances a function computes when they are asked for."""

    def __init__(self, cim_class: CimClass, rows: Callable[[], list[dict[str, Any]]]) -> None:
        self.cim_class = cim_class
        self._rows = rows

    def instances(self) -> list[Instance]:
        return [Instance(self.cim_class, row) for row in self._rows()]


class ServiceProvider(Listing):
    """Win32_Service: lists, starts and stops. ``set_service`` puts a service into a state.

    Return values of the win32 pages: 5 the service cannot be stopped now, 10 it runs already, 14 it is disabled.
    """

    def __init__(self, services: Services, set_service: Callable[[str, str], None], computer: str) -> None:
        super().__init__(SERVICE, lambda: service_rows(services.by_name.values(), computer))
        self._services = services
        self._set = set_service

    def invoke_on(self, keys: Mapping[str, str], method: Method) -> dict[str, Any]:
        name = str(self.get(keys).values["Name"])
        service = self._services.by_name[name.lower()]
        if method.name == "StopService":
            if not service.running:
                return {"ReturnValue": 5}
            self._set(name, "stopped")
            return {"ReturnValue": 0}
        if service.running or service.mode == "Disabled":
            return {"ReturnValue": 10 if service.running else 14}
        self._set(name, "running")
        return {"ReturnValue": 0}


def operating_system_row(os_facts: dict[str, Any], computer: str, now: datetime, german: bool) -> dict[str, Any]:
    """``now`` is the host's local time with its offset."""
    offset = now.utcoffset() or timedelta(0)
    return {
        "BootDevice": r"\Device\HarddiskVolume1",
        "BuildNumber": str(os_facts["build"]),
        "BuildType": "Multiprocessor Free",
        "Caption": os_facts["caption"],
        "CodeSet": "1252",
        "CountryCode": "49" if german else "1",
        "CreationClassName": "Win32_OperatingSystem",
        "CSCreationClassName": "Win32_ComputerSystem",
        "CSName": computer,
        "CurrentTimeZone": int(offset.total_seconds() // 60),
        "Description": "",
        "FreePhysicalMemory": 2097152,
        "InstallDate": os_facts["installed"],
        "LastBootUpTime": os_facts["booted"],
        "LocalDateTime": now,
        "Locale": "0407" if german else "0409",
        "Manufacturer": "Microsoft Corporation",
        "MUILanguages": ["de-DE"] if german else ["en-US"],
        "Name": f"{os_facts['caption']}|C:\\Windows|\\Device\\Harddisk0\\Partition2",
        "NumberOfUsers": 1,
        "OperatingSystemSKU": os_facts["sku"],
        "Organization": "",
        "OSArchitecture": os_facts["architecture"].replace("-bit", "-Bit" if german else "-bit"),
        "OSLanguage": 1031 if german else 1033,
        "OSType": 18,
        "Primary": True,
        "ProductType": os_facts["product_type"],
        "RegisteredUser": "simulated",
        "ServicePackMajorVersion": 0,
        "ServicePackMinorVersion": 0,
        "Status": "OK",
        "SystemDrive": "C:",
        "Version": f"10.0.{os_facts['build']}",
        "WindowsDirectory": r"C:\Windows",
    }


def computer_system_row(os_facts: dict[str, Any], computer: str, system_type: str) -> dict[str, Any]:
    joined, product_type = os_facts["part_of_domain"], os_facts["product_type"]
    # DomainRole: 0/1 standalone/member workstation, 2/3 standalone/member server, 5 primary domain controller
    role = {1: 1 if joined else 0, 3: 3 if joined else 2}.get(product_type, 5)
    return {
        "Caption": computer,
        "CreationClassName": "Win32_ComputerSystem",
        "Description": "AT/AT COMPATIBLE",
        "DNSHostName": computer.lower(),
        "Domain": os_facts["domain"],
        "DomainRole": role,
        "HypervisorPresent": True,
        "Manufacturer": "Simulated",
        "Model": "Simulated Windows Host",
        "Name": computer,
        "NumberOfProcessors": 1,
        "PartOfDomain": joined,
        "PrimaryOwnerName": "simulated",
        "Roles": ["LM_Workstation", "LM_Server", "NT", "Server_NT" if product_type != 1 else "Potential_Browser"],
        "Status": "OK",
        "SystemType": system_type,
        "TotalPhysicalMemory": 8589934592,
        "Workgroup": None if joined else os_facts["domain"],
    }


def service_rows(services: Iterable[Service], computer: str) -> list[dict[str, Any]]:
    return [
        {
            "AcceptPause": False,
            "AcceptStop": item.running,
            "Caption": item.title,
            "CheckPoint": 0,
            "CreationClassName": "Win32_Service",
            "DelayedAutoStart": False,
            "Description": f"{item.title}: a service of the simulated host, listed as Windows lists its own.",
            "DesktopInteract": False,
            "DisplayName": item.title,
            "ErrorControl": "Normal",
            "ExitCode": 0 if item.running else 1077,
            "Name": item.name,
            "PathName": f"C:\\Windows\\system32\\svchost.exe -k {item.name} -p",
            "ProcessId": 1000 + 4 * index if item.running else 0,
            "ServiceSpecificExitCode": 0,
            "ServiceType": "Share Process",
            "Started": item.running,
            "StartMode": item.mode,
            "StartName": "LocalSystem",
            "State": "Running" if item.running else "Stopped",
            "Status": "OK",
            "SystemCreationClassName": "Win32_ComputerSystem",
            "SystemName": computer,
            "TagId": 0,
            "WaitHint": 0,
        }
        for index, item in enumerate(services)
    ]


def quick_fix_rows(has_kb5003173: bool, computer: str) -> list[dict[str, Any]]:
    if not has_kb5003173:
        return []
    return [
        {
            "Caption": "http://support.microsoft.com/?kbid=5003173",
            "CSName": computer,
            "Description": "Security Update",
            "FixComments": "",
            "HotFixID": "KB5003173",
            "InstalledBy": r"NT AUTHORITY\SYSTEM",
            "InstalledOn": "5/14/2021",
            "ServicePackInEffect": "",
        }
    ]
