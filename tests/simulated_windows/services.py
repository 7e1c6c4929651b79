"""The services of a simulated host: a sample of real names with made-up states, long enough to need two pages.

Three of them matter beyond being listed: LanmanWorkstation, LanmanServer and Schedule.
"""

from __future__ import annotations

from dataclasses import dataclass

# (name, display name, start mode, running)
SERVICES = (
    ("AppIDSvc", "Application Identity", "Manual", False),
    ("Appinfo", "Application Information", "Manual", True),
    ("AppMgmt", "Application Management", "Manual", False),
    ("AudioSrv", "Windows Audio", "Auto", True),
    ("BFE", "Base Filtering Engine", "Auto", True),
    ("BITS", "Background Intelligent Transfer", "Manual", False),
    ("Browser", "Computer Browser", "Manual", False),
    ("CertPropSvc", "Certificate Propagation", "Manual", False),
    ("ClipSVC", "Client License Service", "Manual", False),
    ("COMSysApp", "COM+ System Application", "Manual", False),
    ("CryptSvc", "Cryptographic Services", "Auto", True),
    ("DcomLaunch", "DCOM Server Launcher", "Auto", True),
    ("defragsvc", "Optimize drives", "Manual", False),
    ("Dhcp", "DHCP Client", "Auto", True),
    ("DiagTrack", "Connected User Experiences", "Auto", True),
    ("Dnscache", "DNS Client", "Auto", True),
    ("dot3svc", "Wired AutoConfig", "Manual", False),
    ("DPS", "Diagnostic Policy Service", "Auto", True),
    ("EapHost", "Extensible Authentication Protocol", "Manual", False),
    ("EFS", "Encrypting File System", "Manual", False),
    ("EventLog", "Windows Event Log", "Auto", True),
    ("EventSystem", "COM+ Event System", "Auto", True),
    ("FDResPub", "Function Discovery Publication", "Manual", False),
    ("FontCache", "Font Cache", "Auto", True),
    ("gpsvc", "Group Policy Client", "Auto", True),
    ("hidserv", "Human Interface Device", "Manual", False),
    ("IKEEXT", "IKE and AuthIP IPsec Keying Modules", "Manual", False),
    ("iphlpsvc", "IP Helper", "Auto", True),
    ("KeyIso", "CNG Key Isolation", "Manual", True),
    ("KtmRm", "KtmRm for DTC", "Manual", False),
    ("LanmanServer", "Server", "Auto", True),
    ("LanmanWorkstation", "Workstation", "Auto", True),
    ("lltdsvc", "Link-Layer Topology Discovery Mapper", "Manual", False),
    ("lmhosts", "TCP/IP NetBIOS Helper", "Manual", True),
    ("LSM", "Local Session Manager", "Auto", True),
    ("mpssvc", "Windows Defender Firewall", "Auto", True),
    ("MSDTC", "Distributed Transaction Coordinator", "Manual", False),
    ("MSiSCSI", "iSCSI Initiator", "Manual", False),
    ("msiserver", "Windows Installer", "Manual", False),
    ("NcaSvc", "Network Connectivity Assistant", "Manual", False),
    ("Netlogon", "Netlogon", "Manual", False),
    ("Netman", "Network Connections", "Manual", False),
    ("netprofm", "Network List Service", "Manual", True),
    ("NlaSvc", "Network Location Awareness", "Auto", True),
    ("nsi", "Network Store Interface", "Auto", True),
    ("PcaSvc", "Program Compatibility Assistant", "Auto", True),
    ("PerfHost", "Performance Counter DLL Host", "Manual", False),
    ("pla", "Performance Logs and Alerts", "Manual", False),
    ("PlugPlay", "Plug and Play", "Manual", True),
    ("PolicyAgent", "IPsec Policy Agent", "Manual", False),
    ("Power", "Power", "Auto", True),
    ("ProfSvc", "User Profile Service", "Auto", True),
    ("RemoteRegistry", "Remote Registry", "Disabled", False),
    ("RpcEptMapper", "RPC Endpoint Mapper", "Auto", True),
    ("RpcSs", "Remote Procedure Call (RPC)", "Auto", True),
    ("SamSs", "Security Accounts Manager", "Auto", True),
    ("Schedule", "Task Scheduler", "Auto", True),
    ("SecurityHealthService", "Windows Security Service", "Manual", True),
    ("SENS", "System Event Notification Service", "Auto", True),
    ("SharedAccess", "Internet Connection Sharing", "Manual", False),
    ("Spooler", "Print Spooler", "Auto", True),
    ("SSDPSRV", "SSDP Discovery", "Manual", False),
    ("TermService", "Remote Desktop Services", "Manual", False),
    ("Themes", "Themes", "Auto", True),
    ("TrustedInstaller", "Windows Modules Installer", "Manual", False),
    ("VSS", "Volume Shadow Copy", "Manual", False),
    ("W32Time", "Windows Time", "Manual", True),
    ("WinDefend", "Microsoft Defender Antivirus", "Auto", True),
    ("Winmgmt", "Windows Management Instrumentation", "Auto", True),
    ("WinRM", "Windows Remote Management", "Auto", True),
    ("wuauserv", "Windows Update", "Manual", False),
)

STATES = ("running", "stopped", "disabled")


@dataclass
class Service:
    """``mode`` is Win32_Service's StartMode."""

    name: str
    title: str
    mode: str
    running: bool

    @property
    def state(self) -> str:
        """One of STATES."""
        return "running" if self.running else "disabled" if self.mode == "Disabled" else "stopped"


class Services:
    """The services of one host by name."""

    def __init__(self) -> None:
        self.by_name = {name.lower(): Service(name, title, mode, run) for name, title, mode, run in SERVICES}

    def is_running(self, name: str) -> bool:
        return self.by_name[name.lower()].running

    def set(self, name: str, state: str) -> Service:
        """Put a service into one of STATES; ValueError for an unknown name or state."""
        service = self.by_name.get(name.lower())
        if service is None or state not in STATES:
            raise ValueError(f"service {name!r}: no such service, or {state!r} is none of {', '.join(STATES)}")
        service.running = state == "running"
        if state == "disabled":
            service.mode = "Disabled"
        elif service.mode == "Disabled":
            service.mode = "Auto"
        return service

    def boot(self) -> list[str]:
        """The host has started: what starts by itself runs; returns the names."""
        for service in self.by_name.values():
            service.running = (service.running and service.mode == "Manual") or service.mode == "Auto"
        return [service.name for service in self.by_name.values() if service.running]
