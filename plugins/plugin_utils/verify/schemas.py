# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a host says of its classes, beside what this collection takes them to be. Pure, but for the table of classes."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from ..events.smb_connections import CONNECTION
from ..events.smb_connections import SESSION as SMB_SESSION
from ..posture.policy_results import GPO, REGISTRY_POLICY, SECURITY_OPTION
from ..posture.policy_results import SESSION as RSOP_SESSION
from ..tables.settings import SETTINGS, Side
from ..windows.computer import CLOCK, COMPUTER_SYSTEM, OPERATING_SYSTEM
from ..windows.registry import STD_REG_PROV
from ..windows.scheduled_task import PS_SCHEDULED_TASK, SCHEDULED_TASK
from ..windows.smb_configuration import CLASSES
from ..wsman.cim import CimClass, CimType, Field
from ..wsman.class_schema import ClassSchema, Member

USED: tuple[CimClass, ...] = (
    *CLASSES.values(),
    CONNECTION,
    SMB_SESSION,
    STD_REG_PROV,
    PS_SCHEDULED_TASK,
    SCHEDULED_TASK,
    OPERATING_SYSTEM,
    CLOCK,
    COMPUTER_SYSTEM,
    RSOP_SESSION,
    REGISTRY_POLICY,
    SECURITY_OPTION,
    GPO,
)


def newer_than(build: int, cls: CimClass) -> frozenset[str]:
    """Properties of a configuration class that came after a build: there they may be missing."""
    side = next((side for side in Side if CLASSES[side] is cls), None)
    return frozenset(row.cim_property for row in SETTINGS.values() if row.side is side and row.first_build > build)


def differences(cls: CimClass, schema: ClassSchema, optional: Collection[str] = ()) -> Iterator[str]:
    """Everything that the collection uses and the host describes otherwise, a phrase each."""
    yield from _members("property", cls.properties, schema.properties, optional)
    for name, method in cls.methods.items():
        found = schema.methods.get(name)
        if found is None:
            yield f"there is no method {name}"
            continue
        if schema.has_qualifiers and "static" not in found.qualifiers:
            yield f"the method {name} is not static"
        parameters = found.parameters
        yield from _members(f"parameter of {name}", {**method.inputs, **method.outputs}, parameters, optional)
        for way, fields in (("in", method.inputs), ("out", method.outputs)):
            wrong = [each for each in fields if each in parameters and _goes_another_way(parameters[each], way)]
            if wrong:
                yield f"{', '.join(wrong)} of {name} is no parameter that goes {way}"


def _goes_another_way(member: Member, way: str) -> bool:
    return bool({"in", "out"} & member.qualifiers) and way not in member.qualifiers


def _members(
    kind: str, fields: Mapping[str, Field], found: Mapping[str, Member], optional: Collection[str]
) -> Iterator[str]:
    for name, field in fields.items():
        member = found.get(name)
        if member is None:
            spelt = next((other for other in found if other.lower() == name.lower()), None)
            if spelt is not None:
                yield f"the {kind} {name} is spelt {spelt}"
            elif name not in optional:
                yield f"there is no {kind} {name}"
        elif not _fits(field, member):
            yield f"the {kind} {name} is {member}, not {_words(field)}"


def _fits(field: Field, member: Member) -> bool:
    if isinstance(field.type, CimClass):
        return member.may_be_embedded and member.array is field.array
    return str(member) == _words(field)


def _words(field: Field) -> str:
    if field.type is CimType.OCTETS:
        return "uint8[]"
    name = field.type.name if isinstance(field.type, CimClass) else field.type.value
    return f"{name}[]" if field.array else name
