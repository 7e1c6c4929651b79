# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Facts of SetConfiguration and of policy values that only writing shows.

What is turned over is EnableSecuritySignature of the client, which has no effect on SMB 2 and later (Microsoft Learn),
and for policy an audit: nothing becomes less secure, and no connection changes. Where there is no audit, insecure
guest logons are blocked for a moment, if they are allowed; they are never allowed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from ..core.errors import AccessDenied, HostError, HostFault, UnexpectedState
from ..core.registry_value import RegistryType, as_text, dword
from ..tables.settings import AUDITS, GUEST, KEYS, Layer, Setting, Side
from ..windows.smb_configuration import CLASSES
from ..wsman.cim import CimClass, CimInstance, CimType, Field, Method
from ..wsman.class_schema import ClassSchema
from ..wsman.operations import ANSWER_YES, Invoke
from ..wsman.soap import Option
from .examination import Examination

HARMLESS = "EnableSecuritySignature"
"""Property and registry value of the client."""

SIGNING = "RequireSecuritySignature"
PARAMETERS = KEYS[Side.CLIENT][Layer.LOCAL]
_POLICIES = KEYS[Side.CLIENT][Layer.POLICY]
_GPUPDATE = ("gpupdate.exe", "/target:computer")
_CLIENT = CLASSES[Side.CLIENT]


def _class(names: Sequence[str]) -> CimClass:
    """The client's class with these parameters, in this order."""
    fields = {name: Field(CimType.BOOLEAN) for name in names}
    output = CimClass(_CLIENT.namespace, _CLIENT.name, fields)
    methods = {"GetConfiguration": Method({}, {"Output": Field(output)}), "SetConfiguration": Method(fields)}
    return CimClass(_CLIENT.namespace, _CLIENT.name, fields, methods)


def running(exam: Examination, name: str) -> bool | None:
    """What the client runs with; None if it does not say."""
    output = exam.session.call(Invoke(_class([name]), "GetConfiguration")).outputs.get("Output")
    value = output.get(name) if isinstance(output, CimInstance) else None
    return value if isinstance(value, bool) else None


def set_running(exam: Examination, values: Mapping[str, bool], options: tuple[Option, ...] = ANSWER_YES) -> None:
    """SetConfiguration, parameters in the order of `values`."""
    result = exam.session.call(Invoke(_class(list(values)), "SetConfiguration", values, options=options))
    if result.return_value not in (0, None):
        raise HostError(f"SetConfiguration returned {result.return_value}.")


def keep_running(exam: Examination, name: str, value_name: str) -> bool | None:
    """Have a property of the client restored at the end, running and stored. Returns the running value, or None."""
    before = running(exam, name)
    if before is None:
        return None
    exam.keep_value(PARAMETERS, value_name)

    def write_back() -> None:
        if running(exam, name) is not before:
            set_running(exam, {name: before})
        if running(exam, name) is not before:
            raise UnexpectedState(f"{name} of the client should run as {before} again and does not.")

    exam.undo(f"{name} of the client", write_back)
    return before


def _followed(holds: Callable[[], bool], nudges: Mapping[str, Callable[[], object]]) -> str:
    """What it took until it was so."""
    if holds():
        return "at once"
    for word, nudge in nudges.items():
        nudge()
        if holds():
            return f"after {word}"
    return f"not after {', '.join(nudges)}" if nudges else "not at once"


def smb_settings(exam: Examination, schemas: Mapping[str, ClassSchema]) -> None:
    # A second property, which is written as it is: it makes the client read its values again.
    signing = running(exam, SIGNING)
    before = keep_running(exam, HARMLESS, HARMLESS)
    if before is None or signing is None:
        exam.not_seen("set_configuration", f"the client does not say {HARMLESS} and {SIGNING}")
        return
    with exam.asking("set_configuration"):
        set_running(exam, {HARMLESS: not before})
        exam.saw("set_configuration", *_stuck(exam, not before))
    with exam.asking("set_without_options"):
        set_running(exam, {HARMLESS: before}, ())
        exam.saw("set_without_options", *_stuck(exam, before, stored=False))
    with exam.asking("default_is_stored"):
        set_running(exam, {HARMLESS: not before})
        first = exam.registry.value(PARAMETERS, HARMLESS)
        set_running(exam, {HARMLESS: before})
        second = exam.registry.value(PARAMETERS, HARMLESS)
        lost = None in (first, second)
        exam.saw("default_is_stored", f"{as_text(first)}, then {as_text(second)}", not lost)
    _out_of_order(exam, schemas, {HARMLESS: before, SIGNING: signing})
    _deleted(exam, before, signing)


def _stuck(exam: Examination, wanted: bool, *, stored: bool = True) -> tuple[str, bool]:
    runs, value = running(exam, HARMLESS), exam.registry.value(PARAMETERS, HARMLESS)
    right = runs is wanted and (not stored or value is None or value == dword(wanted))
    return f"{as_text(value)} is stored, {runs} runs", right


def _out_of_order(exam: Examination, schemas: Mapping[str, ClassSchema], values: Mapping[str, bool]) -> None:
    schema = schemas.get(_CLIENT.name)
    method = schema.methods.get("SetConfiguration") if schema else None
    order = [name for name in (method.parameters if method else ()) if name in values]
    if len(order) != len(values):
        exam.not_seen("set_out_of_order", "the order of the class is not known")
        return
    exam.keep_value(PARAMETERS, SIGNING)
    with exam.asking("set_out_of_order"):
        set_running(exam, {name: values[name] for name in reversed(order)})
        exam.saw("set_out_of_order", f"{', '.join(reversed(order))} was taken", True)


def _deleted(exam: Examination, before: bool, signing: bool) -> None:
    exam.keep_value(PARAMETERS, SIGNING)
    with exam.asking("deleted_value"):
        set_running(exam, {HARMLESS: not before})
        exam.registry.delete_value(PARAMETERS, HARMLESS)
        seen = _followed(
            lambda: running(exam, HARMLESS) is before,
            {"a SetConfiguration of another property": lambda: set_running(exam, {SIGNING: signing})},
        )
        exam.saw("deleted_value", seen, seen == "at once")


# Policy


def candidates(exam: Examination, layer: Layer) -> Iterator[tuple[Setting, bool]]:
    """Settings of the client that no policy or MDM holds, with what runs: audits, then guest logons if allowed."""
    for row in (*AUDITS, GUEST):
        if row.side is not Side.CLIENT or not row.has(layer):
            continue
        runs = running(exam, row.cim_property)
        held = any(
            exam.registry.value(KEYS[Side.CLIENT][each], row.names[each]) is not None
            for each in (Layer.POLICY, Layer.MDM)
            if row.has(each)
        )
        # Turning guest logons over where they are blocked would allow them.
        if runs is not None and not held and not (row is GUEST and not runs):
            yield row, runs


def policy(exam: Examination) -> None:
    found = next(candidates(exam, Layer.POLICY), None)
    if found is None:
        exam.not_seen("policy_followed", "every setting that could be tried safely is held by a policy, or closed")
        return
    setting, before = found
    name, value_name = setting.cim_property, setting.names[Layer.POLICY]
    signing = running(exam, SIGNING)
    nudges: dict[str, Callable[[], object]] = {"gpupdate": lambda: exam.session.run([_GPUPDATE])}
    if signing is not None:
        exam.keep_value(PARAMETERS, SIGNING)
        nudges = {"a SetConfiguration": lambda: set_running(exam, {SIGNING: signing}), **nudges}
    keep_running(exam, name, setting.names[Layer.LOCAL])
    with _policy_value(exam, setting, nudges, before), exam.asking("policy_followed", setting.name):
        exam.registry.set_value(_POLICIES, value_name, dword(not before))
        seen = _followed(lambda: running(exam, name) is not before, nudges)
        exam.saw("policy_followed", seen, seen == "at once", setting.name)
        _beneath(exam, setting, before)


@contextmanager
def _policy_value(
    exam: Examination, setting: Setting, nudges: Mapping[str, Callable[[], object]], before: bool
) -> Iterator[None]:
    """After the block the policy value is gone, and the client was made to read its policy again."""
    exam.keep_keys(_POLICIES, r"SOFTWARE\Policies")

    def refresh() -> None:
        _followed(lambda: running(exam, setting.cim_property) is before, nudges)

    exam.undo(f"what runs of {setting.name}", refresh)
    exam.keep_value(_POLICIES, setting.names[Layer.POLICY])
    yield


def _beneath(exam: Examination, setting: Setting, before: bool) -> None:
    try:
        set_running(exam, {setting.cim_property: before})
    except (HostFault, AccessDenied) as error:
        exam.saw("set_beneath_policy", str(error), False, setting.name)
        return
    stored = exam.registry.value(PARAMETERS, setting.names[Layer.LOCAL])
    kept = stored is None or (stored.kind is RegistryType.REG_DWORD and stored.data == int(before))
    exam.saw("set_beneath_policy", f"{as_text(stored)} is stored", kept, setting.name)
