# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Facts that a host shows while it is only read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from xml.etree.ElementTree import Element

from ..core.errors import HostError, HostFault
from ..core.registry_value import RegistryType
from ..events.channel_presence import channel_presence
from ..events.event_query import query_list, xpath
from ..posture.policy_results import SESSION as RSOP_SESSION
from ..tables.events import EVENTS, channels_of
from ..tables.settings import Side
from ..windows.operating_system import CURRENT_VERSION, OperatingSystem
from ..windows.registry import STD_REG_PROV, call_registry
from ..windows.smb_configuration import CLASSES, get_configuration
from ..wsman.cim import CimClass, CimInstance, CimType, Field, Method
from ..wsman.class_schema import ClassSchema, GetClassSchema
from ..wsman.eventing import PullEvents, Subscribe, Unsubscribe
from ..wsman.fault_codes import number_in_words
from ..wsman.operations import Enumerate, InvokeResult, Release
from ..wsman.xml import attribute, child, content, local_name, namespace, parse
from .examination import Examination
from .schemas import USED, differences, newer_than

ABSENT = "winops_smb_guest_absent"
"""The name of what is nowhere."""

_WAIT = 6.0
_SERVICE = CimClass("root/cimv2", "Win32_Service", {"Name": Field(CimType.STRING)})


def returned(result: InvokeResult) -> str:
    """A ReturnValue in words, and which data came with it."""
    number = result.return_value
    code = "no ReturnValue" if number is None else f"ReturnValue {number if number < 16 else number_in_words(number)}"
    data = [name for name, value in result.outputs.items() if value is not None]
    return f"{code}, {', '.join(data) or 'no data'}"


# Classes


def class_schemas(exam: Examination, system: OperatingSystem) -> dict[str, ClassSchema]:
    """One request for each class. Gives the schemas that came."""
    schemas = {}
    for cls in USED:
        with exam.asking("class_schema", cls.name):
            schema = exam.session.call(GetClassSchema(cls.namespace, cls.name))
            schemas[cls.name] = schema
            found = list(differences(cls, schema, newer_than(system.build, cls)))
            exam.saw("class_schema", "; ".join(found) or "the same", not found, cls.name)
    return schemas


def answer_shapes(exam: Examination, schemas: dict[str, ClassSchema]) -> None:
    """The form of GetConfiguration's answers, which nobody captured."""
    for side in Side:
        cls = CLASSES[side]
        with exam.asking("answer_shape", cls.name):
            get_configuration(exam.session, side)
            schema = schemas.get(cls.name)
            oddities = list(_oddities(parse(exam.recorder.last_answer), cls, schema))
            exam.saw("answer_shape", "; ".join(oddities) or "the same", not oddities, cls.name)
    with exam.asking("relates_to"):
        exam.registry.value_types(CURRENT_VERSION)
        related = bool(content(child(child(parse(exam.recorder.last_answer), "Header"), "RelatesTo")))
        exam.saw("relates_to", "it does" if related else "there is no RelatesTo", related)


def _oddities(envelope: Element, cls: CimClass, schema: ClassSchema | None) -> Iterator[str]:
    body = child(envelope, "Body")
    output = next(iter(body if body is not None else ()), None)
    if output is None:
        return
    if local_name(output) != "GetConfiguration_OUTPUT":
        yield f"the answer is named {local_name(output)}"
    if namespace(output) != cls.resource_uri:
        yield f"its namespace is {namespace(output)}"
    order = [local_name(each) for each in output]
    if order != ["Output", "ReturnValue"]:
        yield f"it holds {', '.join(order)}"
    instance = child(output, "Output")
    if instance is None:
        return
    if attribute(instance, "type") is None:
        yield "Output has no xsi:type"
    if len(instance) == 1 and len(instance[0]):
        yield f"Output holds a further element {local_name(instance[0])}"
        instance = instance[0]
    if any(attribute(each, "type") is not None for each in instance):
        yield "properties have an xsi:type"
    if any(content(each) in ("TRUE", "FALSE", "True", "False") for each in instance):
        yield "booleans are not in lower case"
    missing = set(schema.properties if schema else ()) - {local_name(each) for each in instance}
    if missing:
        yield f"there is no element for {', '.join(sorted(missing))}"


def lists(exam: Examination) -> None:
    """How many items the first answer to a query has, and whether the configuration class can be listed."""
    with exam.asking("first_page"):
        query = Enumerate(_SERVICE, "SELECT Name FROM Win32_Service")
        page = exam.session.call(query)
        if not page.end and page.context is not None:
            # Only the first page is looked at: the host is not left with an open enumeration.
            exam.session.call(Release(query, page.context))
        exam.saw("first_page", f"{len(page.items)} items", len(page.items) > 1)
    with exam.asking("configuration_enumerates"):
        found = exam.session.query(Enumerate(CLASSES[Side.CLIENT]))
        exam.saw("configuration_enumerates", f"{len(found)} instances", len(found) == 1)


# The registry


def registry_codes(exam: Examination) -> None:
    """What StdRegProv returns for what is not there, and for another type. Only names of nothing are asked for."""
    for fact, key, code in (
        ("registry_absent_value", CURRENT_VERSION, 1),
        ("registry_absent_key", f"{CURRENT_VERSION}\\{ABSENT}", 2),
    ):
        with exam.asking(fact):
            result = call_registry(exam.session, "GetDWORDValue", key, sValueName=ABSENT)
            no_data = result.outputs.get("uValue") is None
            exam.saw(fact, returned(result), result.return_value == code and no_data)
    with exam.asking("registry_wrong_type"):
        if exam.registry.value_types(CURRENT_VERSION).get("editionid") != RegistryType.REG_SZ:
            exam.not_seen("registry_wrong_type", "EditionID is no REG_SZ here")
            return
        result = call_registry(exam.session, "GetDWORDValue", CURRENT_VERSION, sValueName="EditionID")
        exam.saw("registry_wrong_type", returned(result), result.return_value == 0x80041005)


_TRUSTEE = CimClass("root/default", "__Trustee", {"SIDString": Field(CimType.STRING)})
_ACE = CimClass(
    "root/default",
    "__ACE",
    {"AccessMask": Field(CimType.UINT32), "AceType": Field(CimType.UINT32), "Trustee": Field(_TRUSTEE)},
)
_DESCRIPTOR = CimClass("root/default", "__SecurityDescriptor", {"DACL": Field(_ACE, array=True)})
_PERMISSIONS = CimClass(
    STD_REG_PROV.namespace,
    STD_REG_PROV.name,
    {},
    {"GetSecurityDescriptor": Method(STD_REG_PROV.methods["EnumKey"].inputs, {"Descriptor": Field(_DESCRIPTOR)})},
)
_ALLOW = 0
# Set a value, create a subkey, delete, change permissions or owner, all, write
_WRITES = 0x2 | 0x4 | 0x10000 | 0x40000 | 0x80000 | 0x10000000 | 0x40000000
_MAY_WRITE = ("S-1-5-18", "S-1-5-32-544", "S-1-3-0")
_TRUSTED_INSTALLER = "S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464"


def journal_permissions(exam: Examination) -> None:
    """Of the journal's key, or of the nearest key above it, from which it will inherit."""
    with exam.asking("journal_permissions"):
        key = r"SOFTWARE\winops\smb_guest"
        while True:
            parent, _unused, name = key.rpartition("\\")
            if not parent or name.lower() in {known.lower() for known in exam.registry.subkeys(parent)}:
                break
            key = parent
        result = call_registry(exam.session, "GetSecurityDescriptor", key, _PERMISSIONS)
        descriptor = result.outputs.get("Descriptor")
        entries = descriptor.get("DACL") if isinstance(descriptor, CimInstance) else None
        if not isinstance(entries, list) or not entries:
            exam.not_seen("journal_permissions", f"HKLM\\{key}: {returned(result)}, without permissions to look at")
            return
        writers = {sid for each in entries if isinstance(each, CimInstance) and (sid := _writer(each))}
        strangers = sorted(writers - {*_MAY_WRITE, _TRUSTED_INSTALLER})
        others = f"also {', '.join(strangers)}" if strangers else "nobody else"
        exam.saw("journal_permissions", f"HKLM\\{key}: {others}", not strangers)


def _writer(entry: CimInstance) -> str:
    trustee, mask = entry.get("Trustee"), entry.get("AccessMask")
    if entry.get("AceType") != _ALLOW or not isinstance(mask, int) or not mask & _WRITES:
        return ""
    return str(trustee.get("SIDString")) if isinstance(trustee, CimInstance) else "unnamed"


# Policy and events


def rsop(exam: Examination) -> None:
    with exam.asking("rsop_served"):
        logged = exam.session.query(Enumerate(RSOP_SESSION, "SELECT creationTime FROM RSOP_Session"))
        seen = f"{len(logged)} logged" if logged else "nothing was logged, or its logging is turned off"
        exam.saw("rsop_served", seen, bool(logged))


def events(exam: Examination, system: OperatingSystem) -> None:
    """A subscription of each channel, for the events of the last second: nothing of the log is read."""
    for channel, ids in channels_of(EVENTS).items():
        with exam.asking("channel_present", channel):
            present = channel_presence(exam.registry, channel).available
            # On an older Windows the absence of the channel is what is expected.
            newer = not any(EVENTS[number].is_known_to(system.build) for number in ids)
            exam.saw("channel_present", "it is" if present else "it is not", present or newer, channel)
            if not present:
                exam.not_seen("event_subscription", "the channel is not there", channel)
                continue
        with exam.asking("event_subscription", channel):
            _subscribe(exam, channel, ids)


def _subscribe(exam: Examination, channel: str, ids: tuple[int, ...]) -> None:
    query = query_list({channel: xpath(ids, timedelta(seconds=1))})
    subscription = exam.session.call(Subscribe(query, expires=60.0, heartbeat=5.0))
    try:
        if subscription.context is None:
            exam.saw("event_subscription", "no context to pull with", False, channel)
            return
        try:
            page = exam.session.call(PullEvents(subscription.context, _WAIT))
            exam.saw("pull_in_vain", f"{len(page.events)} events", True, channel)
        except HostFault as error:
            if error.kind != "timed_out":
                raise
            exam.saw("pull_in_vain", str(error), False, channel)
        exam.saw("event_subscription", "it works", True, channel)
    finally:
        with suppress(HostError):
            exam.session.call(Unsubscribe(subscription.identifier))


def read_all(exam: Examination, system: OperatingSystem) -> dict[str, ClassSchema]:
    """Every fact of this file."""
    schemas = class_schemas(exam, system)
    answer_shapes(exam, schemas)
    lists(exam)
    registry_codes(exam)
    journal_permissions(exam)
    rsop(exam)
    events(exam, system)
    return schemas
