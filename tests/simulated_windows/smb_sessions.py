"""MSFT_SmbSession: who is connected to this host as a server. Tests say who; no Signed and no Encrypted there.

Properties from the win32 page and public class dumps, the same from Server 2019 to a dump of December 2025.
"""

from __future__ import annotations

from .cim import CimClass, Property
from .smb_configuration import NAMESPACE

SESSION_CLASS = CimClass(
    NAMESPACE,
    "MSFT_SmbSession",
    (
        Property("ClientComputerName"),
        Property("ClientUserName"),
        Property("ClusterNodeName"),
        Property("Dialect"),
        Property("NumOpens", "uint64"),
        Property("ScopeName"),
        Property("SecondsExists", "uint32"),
        Property("SecondsIdle", "uint32"),
        Property("SessionId", "uint64", key=True),
        Property("SmbInstance", "uint32"),
        Property("TransportName"),
    ),
)
