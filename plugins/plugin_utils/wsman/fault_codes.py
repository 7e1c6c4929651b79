# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the numbers and names in a fault mean: one table, a row per code, with the source of each.

Sources:
    capture     answers recorded from Windows hosts by the test suites of pypsrp, pywinrm, WinRb, masterzen, OpenNMS
    omi         answers of Microsoft's OMI server
    wsmerror    wsmerror.h of the Windows SDK, as published in microsoft/windows-rs
    wmi         MicrosoftDocs/win32, desktop-src/WmiSdk/wmi-error-constants.md
    winerror    winerror.h: a Win32 error, and the same as HRESULT 0x8007xxxx
    dmtf        CIM status numbers of DSP0004/DSP0200 (27 captured from Windows; 3, 5, 6, 12 from OMI)
    soap        fault subcodes of DSP0226 and WS-Addressing
    taskschd    Microsoft Learn, Task Scheduler error and success constants
    lmerr       lmerr.h: errors of network management
"""

from __future__ import annotations

from typing import Literal, NamedTuple

Kind = Literal[
    "access_denied",
    "not_found",
    "class_not_found",
    "namespace_not_found",
    "resource_not_found",
    "timed_out",
    "quota",
    "envelope_limit",
    "invalid_parameter",
    "method_not_found",
]
"""not_found: the object, such as an instance, while its class is there. resource_not_found: the object, or its class or
namespace; the host does not say which. Only one of these three lets anybody conclude that an object is gone.
envelope_limit: the request or its answer is larger than allowed."""


class FaultCode(NamedTuple):
    """One code (unsigned 32-bit number), CIM status number or subcode (local name), and what it means."""

    key: int | str
    kind: Kind
    name: str
    source: str


CODES = (
    FaultCode(5, "access_denied", "ERROR_ACCESS_DENIED", "winerror"),
    FaultCode(0x80070005, "access_denied", "E_ACCESSDENIED", "winerror"),
    FaultCode(0x80041003, "access_denied", "WBEM_E_ACCESS_DENIED", "wmi"),
    FaultCode(0x80338104, "access_denied", "ERROR_WSMAN_WMI_SVC_ACCESS_DENIED", "wsmerror"),
    FaultCode(0x80338105, "access_denied", "ERROR_WSMAN_WMI_PROVIDER_ACCESS_DENIED", "wsmerror"),
    FaultCode(0x80338106, "access_denied", "ERROR_WSMAN_WMI_CANNOT_CONNECT_ACCESS_DENIED", "wsmerror"),
    FaultCode(0x80338000, "resource_not_found", "ERROR_WSMAN_RESOURCE_NOT_FOUND", "capture"),
    # Also a bad query; the captured one says that the class does not exist in the namespace.
    FaultCode(0x8033801A, "class_not_found", "ERROR_WSMAN_ENUMERATE_CANNOT_PROCESS_FILTER", "capture"),
    FaultCode(0x80041002, "not_found", "WBEM_E_NOT_FOUND", "wmi"),
    # The Task Scheduler's for a task that is not there (MS-TSCH 3.2.5.4.12; ERROR_NOT_FOUND in field reports).
    FaultCode(2, "not_found", "ERROR_FILE_NOT_FOUND", "winerror"),
    FaultCode(0x80070002, "not_found", "ERROR_FILE_NOT_FOUND", "winerror"),
    FaultCode(0x80070490, "not_found", "ERROR_NOT_FOUND", "winerror"),
    FaultCode(0x8004100E, "namespace_not_found", "WBEM_E_INVALID_NAMESPACE", "wmi"),
    FaultCode(0x80041010, "class_not_found", "WBEM_E_INVALID_CLASS", "wmi"),
    FaultCode(0x80338029, "timed_out", "ERROR_WSMAN_OPERATION_TIMEDOUT", "capture"),
    FaultCode(0x803381A5, "quota", "ERROR_WSMAN_QUOTA_MAX_SHELLS", "capture"),
    FaultCode(0x803381A6, "quota", "ERROR_WSMAN_QUOTA_MAX_OPERATIONS", "capture"),
    FaultCode(0x8033803F, "quota", "ERROR_WSMAN_QUOTA_LIMIT", "wsmerror"),
    FaultCode(0x803381E5, "quota", "ERROR_WSMAN_QUOTA_MAX_USERS_PPQ", "wsmerror"),
    FaultCode(0x803381E7, "quota", "ERROR_WSMAN_QUOTA_MAX_PLUGINOPERATIONS_PPQ", "wsmerror"),
    FaultCode(0x803381E8, "quota", "ERROR_WSMAN_QUOTA_MAX_OPERATIONS_USER_PPQ", "wsmerror"),
    FaultCode(0x80338047, "envelope_limit", "ERROR_WSMAN_MAX_ENVELOPE_SIZE", "wsmerror"),
    FaultCode(0x80338048, "envelope_limit", "ERROR_WSMAN_MAX_ENVELOPE_SIZE_EXCEEDED", "wsmerror"),
    FaultCode(0x80338049, "envelope_limit", "ERROR_WSMAN_SERVER_ENVELOPE_LIMIT", "wsmerror"),
    FaultCode(87, "invalid_parameter", "ERROR_INVALID_PARAMETER", "capture"),
    FaultCode(0x80070057, "invalid_parameter", "E_INVALIDARG", "winerror"),
    FaultCode(0x80041008, "invalid_parameter", "WBEM_E_INVALID_PARAMETER", "wmi"),
    FaultCode(0x8004102F, "invalid_parameter", "WBEM_E_INVALID_METHOD_PARAMETERS", "wmi"),
    FaultCode(0x80338041, "invalid_parameter", "ERROR_WSMAN_SCHEMA_VALIDATION_ERROR", "capture"),
    FaultCode(0x8033811E, "invalid_parameter", "ERROR_WSMAN_WMI_PROVIDER_INVALID_PARAMETER", "wsmerror"),
    FaultCode(0x8004102E, "method_not_found", "WBEM_E_INVALID_METHOD", "wmi"),
    FaultCode(0x80338001, "method_not_found", "ERROR_WSMAN_INVALID_ACTIONURI", "wsmerror"),
    FaultCode(0x80338013, "method_not_found", "ERROR_WSMAN_ACTION_NOT_SUPPORTED", "wsmerror"),
)

ACCESS_DENIED = frozenset(row.key for row in CODES if row.kind == "access_denied")
"""The numbers that say access denied, in a fault or as a method's ReturnValue: which one comes is not recorded."""

CIM_STATUSES = (
    FaultCode(2, "access_denied", "CIM_ERR_ACCESS_DENIED", "dmtf"),
    FaultCode(3, "namespace_not_found", "CIM_ERR_INVALID_NAMESPACE", "omi"),
    FaultCode(4, "invalid_parameter", "CIM_ERR_INVALID_PARAMETER", "dmtf"),
    FaultCode(5, "class_not_found", "CIM_ERR_INVALID_CLASS", "omi"),
    FaultCode(6, "not_found", "CIM_ERR_NOT_FOUND", "omi"),
    FaultCode(12, "invalid_parameter", "CIM_ERR_NO_SUCH_PROPERTY", "omi"),
    FaultCode(16, "method_not_found", "CIM_ERR_METHOD_NOT_AVAILABLE", "dmtf"),
    FaultCode(17, "method_not_found", "CIM_ERR_METHOD_NOT_FOUND", "dmtf"),
    FaultCode(27, "quota", "CIM_ERR_SERVER_LIMITS_EXCEEDED", "capture"),
)

SUBCODES = (
    FaultCode("AccessDenied", "access_denied", "wsman:AccessDenied", "soap"),
    FaultCode("DestinationUnreachable", "resource_not_found", "wsa:DestinationUnreachable", "capture"),
    FaultCode("CannotProcessFilter", "class_not_found", "wsen:CannotProcessFilter", "capture"),
    FaultCode("TimedOut", "timed_out", "wsman:TimedOut", "capture"),
    FaultCode("EncodingLimit", "envelope_limit", "wsman:EncodingLimit", "soap"),
    FaultCode("QuotaLimit", "quota", "wsman:QuotaLimit", "capture"),
    FaultCode("InvalidParameter", "invalid_parameter", "wsman:InvalidParameter", "capture"),
    FaultCode("SchemaValidationError", "invalid_parameter", "wsman:SchemaValidationError", "capture"),
    FaultCode("ActionNotSupported", "method_not_found", "wsa:ActionNotSupported", "soap"),
)


class Name(NamedTuple):
    """A number of a service of the host, from which nothing follows but its meaning."""

    key: int
    name: str
    source: str


NAMES = (
    Name(1058, "ERROR_SERVICE_DISABLED", "winerror"),
    Name(1062, "ERROR_SERVICE_NOT_ACTIVE", "winerror"),
    Name(1722, "RPC_S_SERVER_UNAVAILABLE", "winerror"),
    Name(2114, "NERR_ServerNotStarted", "lmerr"),
    Name(0x80070422, "ERROR_SERVICE_DISABLED", "winerror"),
    Name(0x80070426, "ERROR_SERVICE_NOT_ACTIVE", "winerror"),
    Name(0x800706BA, "RPC_S_SERVER_UNAVAILABLE", "winerror"),
    Name(0x8004130D, "SCHED_E_CANNOT_OPEN_TASK", "taskschd"),
    Name(0x8004130E, "SCHED_E_INVALID_TASK", "taskschd"),
    Name(0x8004130F, "SCHED_E_ACCOUNT_INFORMATION_NOT_SET", "taskschd"),
    Name(0x80041310, "SCHED_E_ACCOUNT_NAME_NOT_FOUND", "taskschd"),
    Name(0x80041311, "SCHED_E_ACCOUNT_DBASE_CORRUPT", "taskschd"),
    Name(0x80041312, "SCHED_E_NO_SECURITY_SERVICES", "taskschd"),
    Name(0x80041313, "SCHED_E_UNKNOWN_OBJECT_VERSION", "taskschd"),
    Name(0x80041314, "SCHED_E_UNSUPPORTED_ACCOUNT_OPTION", "taskschd"),
    Name(0x80041315, "SCHED_E_SERVICE_NOT_RUNNING", "taskschd"),
    Name(0x80041316, "SCHED_E_UNEXPECTEDNODE", "taskschd"),
    Name(0x80041317, "SCHED_E_NAMESPACE", "taskschd"),
    Name(0x80041318, "SCHED_E_INVALIDVALUE", "taskschd"),
    Name(0x80041319, "SCHED_E_MISSINGNODE", "taskschd"),
    Name(0x8004131A, "SCHED_E_MALFORMEDXML", "taskschd"),
    Name(0x8004131D, "SCHED_E_TOO_MANY_NODES", "taskschd"),
    Name(0x8004131E, "SCHED_E_PAST_END_BOUNDARY", "taskschd"),
    Name(0x80041322, "SCHED_E_SERVICE_NOT_AVAILABLE", "taskschd"),
    Name(0x80041323, "SCHED_E_SERVICE_TOO_BUSY", "taskschd"),
)


def number_in_words(code: int) -> str:
    """A Windows number as people look it up: in hexadecimal, with its name where a table has it."""
    number = code & 0xFFFFFFFF
    name = next((row.name for row in (*CODES, *NAMES) if row.key == number), "")
    return f"0x{number:08X}" + (f" ({name})" if name else "")
