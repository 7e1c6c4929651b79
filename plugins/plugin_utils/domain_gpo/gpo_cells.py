# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The cells of a GPO: the single things that a change of this collection writes, and how each is restored. Pure.

A change is a set of cells with what was found and what is written. Every kind of cell answers three questions: what
does the GPO hold there now (as JSON), do two such answers mean the same, and what is the GPO with another answer. So
planning, judging and undoing look the same for a registry value, a security option, a link or a filter.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..domain.distinguished_names import dn_key
from ..domain.errors import DomainError
from ..policy_files.extension_names import REGISTRY_POLICY, SECURITY_SETTINGS, Extension, ExtensionNames
from ..policy_files.gpt_tmpl import GptTmpl, TemplateValue
from ..policy_files.registry_pol import Placed, RegistryPol, RegistryPolEntry
from ..tables.settings import SETTINGS, Layer, Setting
from .gpo_access import filter_sids, without_change
from .gpo_state import GpoState, links_of, security_of

Json = Any
SETTING, LINK, WMI_FILTER, SECURITY, COMMENT = "setting:", "link:", "wmi_filter", "security_filter", "comment"
SHELL = "files"
"""Which files there are and who reads them: it follows from the other cells, and is restored after them."""
MANAGED: Mapping[str, Setting] = {name: setting for name, setting in SETTINGS.items() if setting.group_policy}
"""The settings that a GPO can carry."""


@dataclass(frozen=True)
class GpoCell:
    """One kind of cell at one place. now, same, put: see the module's text. put raises DomainError."""

    now: Callable[[GpoState], Json]
    same: Callable[[Json, Json], bool]
    put: Callable[[GpoState, Json, Json], GpoState]
    """The GPO with what was found (first JSON) in place of what a change wrote (second)."""


def cell(name: str) -> GpoCell:
    """The cell of a name. Raises DomainError for a name that is none of ours."""
    if name.startswith(SETTING) and name.removeprefix(SETTING) in MANAGED:
        setting = MANAGED[name.removeprefix(SETTING)]
        return _registry_cell(setting) if in_registry(setting) else _template_cell(setting)
    if name.startswith(LINK) and "=" in name:
        return _link_cell(name.removeprefix(LINK))
    if name in _SINGLE:
        return _SINGLE[name]
    raise DomainError("The journal of a GPO names something that this collection does not write.")


def in_registry(setting: Setting) -> bool:
    """Whether Registry.pol carries the setting; a security option stands in GptTmpl.inf."""
    return bool(setting.group_policy and setting.group_policy.admx_name)


def place_of(setting: Setting) -> tuple[str, str]:
    """Key and value name of a setting in a GPO, without the hive."""
    if setting.group_policy is None:
        raise ValueError(f"{setting.name} has no place in a GPO")  # cannot be: rows of MANAGED have one
    return setting.group_policy.key, setting.names[Layer.POLICY if in_registry(setting) else Layer.LOCAL]


def setting_value(state: GpoState, setting: Setting) -> bool | None:
    """What the GPO sets a setting to; None for "not configured" and for anything that is no such value."""
    key, name = place_of(setting)
    if in_registry(setting):
        effect = state.files.registry.effect(key, name)
        number = effect.entry.number if effect and effect.action != "delete" else None
    else:
        value = state.files.template.get(key, name)
        number = value.number if value else None
    return None if number is None else number != 0


def with_setting(state: GpoState, setting: Setting, value: bool | None) -> GpoState:
    """The GPO with a setting; None: not configured."""
    key, name = place_of(setting)
    if in_registry(setting):
        registry = state.files.registry
        registry = (
            registry.write_back(key, name)
            if value is None
            else registry.set(RegistryPolEntry.dword(key, name, int(value)))
        )
        return _with_registry(state, registry)
    template = state.files.template
    held = None if value is None else TemplateValue.dword(int(value))
    template = template.remove(key, name) if held is None else template.set(key, name, held)
    return _with_template(state, template.to_bytes(), keep=not template.is_new)


def _with_registry(state: GpoState, registry: RegistryPol) -> GpoState:
    content = registry.to_bytes() if registry.entries else None
    changed = replace(state, files=replace(state.files, registry_pol=content))
    return _with_extension(changed, REGISTRY_POLICY, wanted=content is not None)


def _with_template(state: GpoState, content: bytes, *, keep: bool) -> GpoState:
    changed = replace(state, files=replace(state.files, gpt_tmpl=content if keep else None))
    return _with_extension(changed, SECURITY_SETTINGS, wanted=keep)


def _with_extension(state: GpoState, extension: Extension, *, wanted: bool) -> GpoState:
    """The extension list names whoever reads a file that is there."""
    if state.container is None:
        return state
    names = state.container.extensions
    changed = names.with_extension(extension) if wanted else names.without_extension(extension)
    if changed == names:
        return state
    return replace(state, container=replace(state.container, machine_extensions=str(changed) or None))


def _registry_cell(setting: Setting) -> GpoCell:
    key, name = place_of(setting)

    def now(state: GpoState) -> Json:
        return [
            [place, entry.key, entry.name, entry.type, base64.b64encode(entry.data).decode()]
            for place, entry in state.files.registry.about(key, name)
        ]

    def put(state: GpoState, found: Json, _written: Json) -> GpoState:
        remembered = [
            Placed(int(place), RegistryPolEntry(str(k), str(n), int(kind), decoded(data)))
            for place, k, n, kind, data in found
        ]
        return _with_registry(state, state.files.registry.write_back(key, name, remembered))

    # Where an instruction stands matters when it is restored; that others came or went before it changes nothing.
    return GpoCell(now, lambda one, other: [row[1:] for row in one] == [row[1:] for row in other], put)


def _template_cell(setting: Setting) -> GpoCell:
    key, name = place_of(setting)

    def now(state: GpoState) -> Json:
        value = state.files.template.get(key, name)
        return None if value is None else [value.type, value.text]

    def put(state: GpoState, found: Json, _written: Json) -> GpoState:
        template = state.files.template
        if found is None:
            template = template.remove(key, name)
        else:
            template = template.set(key, name, TemplateValue(int(found[0]), str(found[1])))
        return _with_template(state, template.to_bytes(), keep=not template.is_new)

    return GpoCell(now, lambda one, other: bool(one == other), put)


def _link_cell(target: str) -> GpoCell:
    def now(state: GpoState) -> Json:
        return {"guid": state.guid, "gPLink": state.link_text(target)}

    def put(state: GpoState, found: Json, written: Json) -> GpoState:
        return with_link_text(
            state, target, _link_restored(state.guid, state.link_text(target), found["gPLink"], written["gPLink"])
        )

    def own(value: Json) -> list[int]:
        return [link.options for link in links_of(value["gPLink"]).links if link.guid == value["guid"]]

    return GpoCell(now, lambda one, other: own(one) == own(other), put)


def _link_restored(guid: str, held: str, found: str, written: str) -> str:
    """A gPLink with the link of one GPO as it was found, whatever the journal says about the links of others."""
    now, before, after = links_of(held), links_of(found), links_of(written)
    if now.without(guid) == before.without(guid) and now == after:
        return found  # byte for byte
    link, changed = before.of(guid), after.of(guid)
    if link and changed and now.of(guid) and before.order(guid) == after.order(guid):
        return str(now.with_link(link, None))  # the change did not move it: it stays where somebody moved it since
    return str(now.write_back(before, guid))


def with_link_text(state: GpoState, target: str, text: str) -> GpoState:
    links = {dn: (text if dn_key(dn) == dn_key(target) else held) for dn, held in state.links.items()}
    if not any(dn_key(dn) == dn_key(target) for dn in links):
        links[target] = text
    return replace(state, links=links)


def _put_wmi_filter(state: GpoState, found: Json, _written: Json) -> GpoState:
    return with_wmi_filter(state, None if found is None else str(found))


def with_wmi_filter(state: GpoState, text: str | None) -> GpoState:
    if state.container is None:
        return state
    return replace(state, container=replace(state.container, wmi_filter=text))


def _security_now(state: GpoState) -> Json:
    security = state.container.security if state.container else None
    return None if security is None else base64.b64encode(security).decode()


def _put_security(state: GpoState, found: Json, written: Json) -> GpoState:
    """Only the entries of our own change are undone: somebody else's delegation or denial stays."""
    if state.container is None or state.container.security is None or found is None or written is None:
        return state
    held = security_of(state.container.security)
    restored = without_change(held, security_of(decoded(found)), security_of(decoded(written)))
    if restored == held:
        return state
    return replace(state, container=replace(state.container, security=restored.to_bytes()))


def _same_filter(one: Json, other: Json) -> bool:
    """Servers order and fill in ACLs as they like: what counts is who applies the GPO."""
    if one is None or other is None:
        return one is other
    return set(filter_sids(security_of(decoded(one)))) == set(filter_sids(security_of(decoded(other))))


def _put_comment(state: GpoState, found: Json, _written: Json) -> GpoState:
    return replace(state, files=replace(state.files, comment=None if found is None else decoded(found)))


def _comment_now(state: GpoState) -> Json:
    return None if state.files.comment is None else base64.b64encode(state.files.comment).decode()


def _shell_now(state: GpoState) -> Json:
    return {
        "registry_pol": state.files.registry_pol is not None,
        "gpt_tmpl": state.files.gpt_tmpl is not None,
        "extensions": state.container.machine_extensions if state.container else None,
    }


def _put_shell(state: GpoState, found: Json, written: Json) -> GpoState:
    files = state.files
    if found["registry_pol"] and files.registry_pol is None:
        files = replace(files, registry_pol=RegistryPol().to_bytes())
    if found["gpt_tmpl"] and files.gpt_tmpl is None:
        files = replace(files, gpt_tmpl=GptTmpl.new().to_bytes())
    container = state.container
    if container and _is_same_list(container.machine_extensions, written["extensions"], found["extensions"]):
        container = replace(container, machine_extensions=found["extensions"])
    return replace(state, files=files, container=container)


def _is_same_list(text: str | None, *others: str | None) -> bool:
    """Whether an extension list says the same as one of the others, however it is spelled."""
    return ExtensionNames.parse(text) in [ExtensionNames.parse(other) for other in others]


_SINGLE: Mapping[str, GpoCell] = {
    SHELL: GpoCell(_shell_now, lambda _one, _other: True, _put_shell),
    WMI_FILTER: GpoCell(
        lambda state: state.container.wmi_filter if state.container else None,
        lambda one, other: bool(one == other),
        _put_wmi_filter,
    ),
    SECURITY: GpoCell(_security_now, _same_filter, _put_security),
    COMMENT: GpoCell(_comment_now, lambda one, other: bool(one == other), _put_comment),
}


def decoded(text: Json) -> bytes:
    """Raises DomainError for text of a journal that is no base64."""
    try:
        return base64.b64decode(str(text), validate=True)
    except binascii.Error as error:
        raise DomainError("The journal of a GPO is damaged: a value in it is no base64.") from error
