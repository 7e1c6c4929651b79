# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every fact about Windows that this collection relies on, or is written to be right without, and nobody confirmed.

One table: what a host is asked, what is expected, where that comes from, and what it means if a host answers otherwise.
Steps that write need a word of consent each.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class Consent(StrEnum):
    """What a person consents to have done to the host. Everything is restored."""

    REGISTRY = "registry"
    SMB_SETTINGS = "smb_settings"
    POLICY = "policy"
    SCHEDULED_TASKS = "scheduled_tasks"
    PROCESSES = "processes"
    STOP_SERVER = "stop_server"
    EXPIRY = "expiry"


@dataclass(frozen=True)
class Fact:
    """One fact about Windows.

    Attributes:
        id: Its name.
        expected: What the sources say, in words.
        meaning: What follows for a user of the collection where a host differs.
        source: Where `expected` comes from.
        consent: The word that the user must give; None where the host is only read.
    """

    id: str
    expected: str
    meaning: str
    source: str
    consent: Consent | None = None


_HARMLESS = "Nothing: the collection reads either."
_ROWS = (
    # Classes
    Fact(
        "class_schema",
        "every property, method, parameter and type that the collection uses",
        "A name or type that differs makes tasks fail on this Windows: report it. Without a schema nothing is known.",
        "class dumps of Windows Server 2019, 23H2 and 2025; MS-WSMV 3.1.4.2",
    ),
    Fact(
        "answer_shape",
        "GetConfiguration_OUTPUT in the class's namespace, Output with every property, then ReturnValue 0",
        _HARMLESS,
        "constructed after Microsoft's OMI; never captured from Windows",
    ),
    Fact("relates_to", "every answer names the request that it answers", _HARMLESS, "captures"),
    Fact(
        "first_page",
        "the first answer to a query holds as much as fits",
        "Nothing but one request more for each query.",
        "captures show both",
    ),
    Fact(
        "configuration_enumerates",
        "the configuration class lists one instance",
        "Nothing: the collection calls GetConfiguration.",
        "others list it; a public source says that it has none",
    ),
    # The registry
    Fact("registry_absent_value", "ReturnValue 1, no data", _HARMLESS, "observed by others, never captured"),
    Fact("registry_absent_key", "ReturnValue 2, no data", _HARMLESS, "observed by others, never captured"),
    Fact(
        "registry_wrong_type",
        "ReturnValue 0x80041005",
        "A value of another type than REG_DWORD makes tasks fail instead of being named.",
        "a client by others maps it, never captured",
    ),
    Fact(
        "journal_permissions",
        "nobody but SYSTEM, administrators, CREATOR OWNER and TrustedInstaller may write there",
        "Whoever may write to the journal decides what a later revert writes: correct the permissions.",
        "HKLM\\SOFTWARE as Windows installs it",
    ),
    Fact(
        "registry_round_trip",
        "a value of each type comes back as it was written",
        "A value of that type may not be restored exactly: report it.",
        "StdRegProv pages of Microsoft Learn",
        Consent.REGISTRY,
    ),
    Fact(
        "registry_empty_text",
        "an empty text comes back as an empty element",
        "Nothing: NULL is read as an empty text.",
        "unconfirmed",
        Consent.REGISTRY,
    ),
    Fact(
        "registry_unnamed_value",
        "the unnamed value alone is listed as NULL, and read by an empty name",
        "Nothing: no setting is an unnamed value.",
        "Microsoft Learn, EnumValues",
        Consent.REGISTRY,
    ),
    Fact(
        "registry_delete_absent",
        "ReturnValue 2 for the value, and for the key",
        _HARMLESS,
        "observed by others, never captured",
        Consent.REGISTRY,
    ),
    # Policy and events
    Fact(
        "rsop_served",
        "root/rsop/computer answers and lists a logged refresh",
        "policy_source stays null on this host: no GPO is named.",
        "unconfirmed over WinRM",
    ),
    Fact("channel_present", "the channel is there", "Events of that channel are not read.", "provider manifests"),
    Fact(
        "event_subscription",
        "a pull subscription is taken, pulled and given up",
        "Events are read by wevtutil.exe, one process for a page.",
        "MS-WSMV 3.1.4.1.30; a client by others",
    ),
    Fact("pull_in_vain", "an empty answer where nothing came", _HARMLESS, "MS-WSMV; a client by others"),
    Fact(
        "wevtutil_words",
        "enabled and maxSize in the words of its documentation",
        "channels of the module audit fail on this host.",
        "Microsoft Learn, wevtutil",
        Consent.PROCESSES,
    ),
    # Changing settings
    Fact(
        "set_configuration",
        "it is stored in Parameters as REG_DWORD and runs at once",
        "Changes in scope local fail when they are read back: report it.",
        "Microsoft Learn, Set-SmbClientConfiguration",
        Consent.SMB_SETTINGS,
    ),
    Fact(
        "set_without_options",
        "it is stored and runs, although nothing answers a prompt",
        "Nothing: the collection always sends the answer.",
        "public code that calls it so",
        Consent.SMB_SETTINGS,
    ),
    Fact(
        "set_out_of_order",
        "parameters are taken in any order",
        "Changes of several settings at once fail: change one setting in a task.",
        "unconfirmed",
        Consent.SMB_SETTINGS,
    ),
    Fact(
        "default_is_stored",
        "a value that is the default is stored, too",
        "Nothing: what runs decides where no value is stored.",
        "unconfirmed",
        Consent.SMB_SETTINGS,
    ),
    Fact(
        "deleted_value",
        "what runs is the default again at once",
        "A revert that deletes a value must call SetConfiguration first, which it does.",
        "unconfirmed; the driver's code shows no notification",
        Consent.SMB_SETTINGS,
    ),
    Fact(
        "policy_followed",
        "what runs follows a policy value at once",
        "Changes in scope policy say restart_required until the host has taken them.",
        "unconfirmed; the driver's code shows no notification",
        Consent.POLICY,
    ),
    Fact(
        "set_beneath_policy",
        "SetConfiguration stores a value beneath a policy value",
        "A revert below a policy writes the registry value itself.",
        "unconfirmed",
        Consent.POLICY,
    ),
    # Scheduled tasks
    Fact(
        "task_registered",
        "the task of an expiry is taken as it is",
        "expires_in fails on this host before anything is written.",
        "MS-TSCH 2.5; class dumps",
        Consent.SCHEDULED_TASKS,
    ),
    Fact(
        "task_next_run",
        "NextRunTime is the time that was asked for",
        "An expiry may come at another time: report it.",
        "class dumps",
        Consent.SCHEDULED_TASKS,
    ),
    Fact(
        "task_listed",
        "the list of tasks has it",
        "Nothing: a task is asked for by its name first.",
        "field reports of hosts with a corrupt task",
        Consent.SCHEDULED_TASKS,
    ),
    Fact(
        "task_trigger_order",
        "Enabled is taken before and after StartBoundary",
        "Nothing: the collection leaves Enabled out.",
        "the schema of MS-TSCH and exports of Windows differ",
        Consent.SCHEDULED_TASKS,
    ),
    Fact(
        "task_deleted",
        "a Delete of the instance removes the task",
        "A revert leaves tasks behind, and warns.",
        "a capture of Unregister-ScheduledTask",
        Consent.SCHEDULED_TASKS,
    ),
    Fact(
        "delete_absent_task",
        "a fault that says that there is no such instance",
        _HARMLESS,
        "field reports name 0x80070002 and 0x80070490",
        Consent.SCHEDULED_TASKS,
    ),
    # What takes its time
    Fact(
        "stopped_side",
        "the class of the stopped side answers with a fault, the other one as before",
        "Facts of a side whose service is down may be those of its configuration, not of what runs.",
        "field reports of a disabled LanmanServer differ",
        Consent.STOP_SERVER,
    ),
    Fact(
        "expiry_ends",
        "at its time the value is as it was and runs, the journal says reverted, the task is gone",
        "Do not rely on expires_in on this Windows: revert changes with revert_change. Report it.",
        "run in parts by Wine's tools, never on Windows",
        Consent.EXPIRY,
    ),
)
FACTS: Mapping[str, Fact] = MappingProxyType({row.id: row for row in _ROWS})
