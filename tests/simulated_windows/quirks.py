"""The per-host switches for everything that no source settles: each default is the likelier behaviour.

A quirk holds for a host from its fleet file on, or from the moment a test sets it (``SimulatedHost.set_quirks``); those
under "As installed" take effect with a reset only.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

# Quirks that are one of several words
CHOICES = {
    "first_page": ("full", "one_item", "none"),
    "access_denied": ("fault_5", "fault_hresult", "return_value"),
    "stopped_service": ("fault", "return_value", "works"),
    "delete_absent_task": ("instance_not_found", "status_1", "status_6", "element_not_found"),
    "task_trigger_order": ("any", "schema", "export"),
    "subscription": ("works", "refused", "denied"),
    "subscription_filter": ("both", "text", "element"),
    "subscription_order": ("age", "channel"),
    "pull_in_vain": ("empty", "timed_out"),
    "next_run_time": ("exact", "none", "local"),
    "rsop": ("served", "missing_namespace", "denied", "empty", "old"),
}


@dataclass
class Quirks:
    """Behaviours of one host. ``Quirks.from_spec`` refuses names that are not here."""

    # As installed
    with_properties: tuple[str, ...] = field(default=())  # properties an update added to this build
    without_properties: tuple[str, ...] = field(default=())
    mdm_only: bool = False  # MDM writes PolicyManager without the Group Policy value
    # The shape of answers
    upper_case_booleans: bool = False
    omi_style: bool = False  # no _OUTPUT, ReturnValue first, Action without Response, as Microsoft's OMI server
    embedded_extra_level: bool = False  # an element named after the class inside the embedded instance
    embedded_no_xsi_type: bool = False
    embedded_same_prefix: bool = False  # members of the embedded instance use p: instead of p1:
    xsi_type_on_scalars: bool = False
    nulls_absent: bool = False  # NULL properties are left out instead of xsi:nil
    no_relates_to: bool = False
    lower_case_class_uri: bool = False
    german: bool = False
    dialects_by_name: bool = False  # Smb2DialectMin and Max are shown as SMB311, and as None where there is no limit
    first_page: str = "full"  # what an EnumerateResponse carries
    schema_other_types: tuple[str, ...] = field(default=())  # properties and parameters that schemas tell as strings
    class_schemas: bool = True  # the service gives class schemas as CIM-XML, as since Windows 8
    cmdlet_output_missing: bool = False  # streamed out parameters are not in the answer
    # What requests must look like, and how long answers may be
    max_envelope_kb: int = 500  # MaxEnvelopeSizekb: 500 as installed, 150 on older hosts, 32 where somebody lowered it
    input_in_order: bool = False  # method input out of the class's order does not match the schema
    # Rights
    access_denied: str = "fault_5"  # return_value: a code, and empty enumerations
    # The registry provider
    registry_absent_codes: tuple[int, int] = (1, 2)  # ReturnValue for a missing value, for a missing key
    registry_wrong_type_code: int = 2147749893
    empty_text_is_null: bool = False  # an empty REG_SZ is read as NULL
    unnamed_value_listed: bool = False  # EnumValues lists the unnamed value where it is the only one
    users_write_software: bool = False  # somebody opened HKLM SOFTWARE to the users
    # What makes a driver read its registry keys again, besides the start of its service
    running_follows_registry: bool = True  # any write to them
    set_rereads_registry: bool = True  # a SetConfiguration; False: it hands over what it sets, and no more
    refresh_rereads_registry: bool = True  # a refresh of Group Policy
    policy_read_at_start_only: bool = False  # the policy key is left out of all of these
    # Group Policy
    local_gpo_ignored: bool = False  # the files of the local GPO are never carried out, as perhaps on Home editions
    # The SMB configuration classes
    running_ignores_policy: bool = False  # GetConfiguration shows Parameters and defaults only
    set_refused_by_policy: bool = False  # SetConfiguration faults when a policy governs the property
    set_refusal_is_partial: bool = False  # the properties in front of the refused one are stored
    set_needs_prompt_options: bool = False  # without the answer to its prompt SetConfiguration stores nothing
    set_stores_no_default: bool = False  # a value that is the default is stored by removing the registry value
    configuration_enumeration: bool = True  # the configuration classes enumerate one instance
    stopped_service: str = "fault"  # what the class of a side says whose service does not run
    # The task scheduler
    delete_absent_task: str = "instance_not_found"  # status_1, status_6: 0x80070002 with that CIM status
    next_run_time: str = "exact"  # none, or local: the time of day without an offset
    delete_task_lies: bool = False  # Delete answers as for an absent task, and the task remains
    registration_refused: bool = False
    task_enumeration_fails: bool = False  # a corrupt entry in the task cache; a task by its name still works
    task_trigger_order: str = "any"  # where Enabled stands: before StartBoundary (schema), after it (export)
    missed_start_needs_end_boundary: bool = False  # StartWhenAvailable counts for triggers that end only
    dollar_is_an_escape: bool = False  # in arguments $$ is a dollar, and $(Arg0) is replaced, as MS-TSCH 2.5.9.1 says
    on_batteries: bool = False
    constrained_language: bool = False  # Windows PowerShell refuses methods of .NET objects, as under AppLocker or WDAC
    # Resultant Set of Policy
    rsop: str = "served"  # old: what a refresh would write now is not there yet
    # The event log
    without_channels: tuple[str, ...] = field(default=())
    subscription: str = "works"  # works, refused, or denied: the service may not read the channels
    subscription_filter: str = "both"  # both, text or element: how a Filter may hold its QueryList
    subscription_order: str = "age"  # age, or channel: one after the other, where a query names several
    pull_in_vain: str = "empty"  # empty or timed_out: the answer to a Pull where nothing came
    console_encoding: str = "utf-8"  # what a process of a shell writes, whatever WINRS_CODEPAGE asked for

    @classmethod
    def from_spec(cls, spec: dict[str, Any]) -> Quirks:
        """Read a fleet file's mapping; ValueError names an unknown quirk or value. ``first_page_none`` works, too."""
        values = dict(spec)
        for page in ("one_item", "none"):
            if values.pop(f"first_page_{page}", False):
                values["first_page"] = page
        unknown = sorted(set(values) - {item.name for item in fields(cls)})
        if unknown:
            raise ValueError(f"unknown quirks: {', '.join(unknown)}")
        for name in ("registry_absent_codes", *(item.name for item in fields(cls) if item.type == "tuple[str, ...]")):
            if name in values:
                values[name] = tuple(values[name])
        for name, words in CHOICES.items():
            if values.get(name, words[0]) not in words:
                raise ValueError(f"quirk {name}: {values[name]!r} is none of {', '.join(words)}")
        return cls(**values)

    @property
    def language(self) -> str:
        return "de-DE" if self.german else "en-US"
