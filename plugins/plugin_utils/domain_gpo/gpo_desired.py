# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a task desires of a GPO, and the GPO that fulfils it. Pure.

`fulfil` takes the GPO as it is found and gives the GPO as it is to be: whatever the task does not name stays. Where
both are equal there is nothing to write.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from ..domain.distinguished_names import dn_key
from ..domain.errors import DomainError
from ..policy_files.gp_links import DISABLED, ENFORCED, Link, Links, gpo_dn
from ..policy_files.gpt_ini import GptIni, Version
from .gpo_access import filter_sids, new_security, with_filter
from .gpo_cells import (
    COMMENT,
    LINK,
    MANAGED,
    SECURITY,
    SETTING,
    SHELL,
    WMI_FILTER,
    Json,
    cell,
    in_registry,
    setting_value,
    with_link_text,
    with_setting,
    with_wmi_filter,
)
from .gpo_state import Files, GpoContainer, GpoState, comment_bytes, links_of, security_of


@dataclass(frozen=True)
class DesiredLink:
    """A link that is to be. None: a new link is enabled, not enforced and the weakest; an old one stays as it is."""

    target: str
    enabled: bool | None = None
    enforced: bool | None = None
    order: int | None = None


@dataclass(frozen=True)
class DesiredGpo:
    """What the task names of a GPO; what it does not name is None or empty, and stays.

    settings: by name; None is "not configured". wmi_filter: the attribute's text, empty for no filter. filter_sids: who
    applies it.
    """

    name: str
    settings: Mapping[str, bool | None] = field(default_factory=dict)
    links: Sequence[DesiredLink] = ()
    links_exclusive: bool = False
    wmi_filter: str | None = None
    filter_sids: Sequence[str] | None = None
    comment: str | None = None


def new_gpo(guid: str, name: str, path: str, domain_dn: str, links: Mapping[str, str]) -> GpoState:
    """A GPO that was just created and sets nothing. Its permissions are those that decide who applies it."""
    container = GpoContainer(guid, gpo_dn(guid, domain_dn), name, path, security=new_security().to_bytes())
    return GpoState(guid, container, Files(gpt_ini=GptIni.new().to_bytes()), links)


def fulfil(found: GpoState, desired_settings: DesiredGpo, domain_dn: str) -> GpoState:
    """The GPO that exists and is as desired. Raises DomainError for files that are damaged."""
    wanted = found
    for name, value in desired_settings.settings.items():
        if setting_value(wanted, MANAGED[name]) != value or _is_mixed(wanted, name, value):
            wanted = with_setting(wanted, MANAGED[name], value)
    if desired_settings.comment is not None and wanted.files.comment_text != desired_settings.comment:
        wanted = replace(wanted, files=replace(wanted.files, comment=comment_bytes(desired_settings.comment)))
    if desired_settings.wmi_filter is not None:
        wanted = with_wmi_filter(wanted, desired_settings.wmi_filter or None)
    wanted = _with_filter(wanted, desired_settings.filter_sids)
    return _with_links(wanted, desired_settings, domain_dn)


def _is_mixed(state: GpoState, name: str, value: bool | None) -> bool:
    """Whether "not configured" is desired and the GPO says something about the setting that is no value of it."""
    return value is None and cell(SETTING + name).now(state) not in ([], None)


def _with_filter(state: GpoState, sids: Sequence[str] | None) -> GpoState:
    container = state.container
    if sids is None or container is None or container.security is None:
        return state
    security = security_of(container.security)
    if set(filter_sids(security)) == set(sids):
        return state
    return replace(state, container=replace(container, security=with_filter(security, sids).to_bytes()))


def _with_links(state: GpoState, desired_settings: DesiredGpo, domain_dn: str) -> GpoState:
    by_target = {dn_key(link.target): link for link in desired_settings.links}
    for target, text in state.links.items():
        links = links_of(text)
        desired = by_target.get(dn_key(target))
        if desired is not None:
            links = _linked(links, state.guid, desired, domain_dn)
        elif desired_settings.links_exclusive:
            links = links.without(state.guid)
        if links != links_of(text):
            state = with_link_text(state, target, str(links))
    return state


def _linked(links: Links, guid: str, desired: DesiredLink, domain_dn: str) -> Links:
    held = links.of(guid)
    options = held.options if held else 0
    for bit, wanted in (
        (DISABLED, None if desired.enabled is None else not desired.enabled),
        (ENFORCED, desired.enforced),
    ):
        if wanted is not None:
            options = options | bit if wanted else options & ~bit
    order = None if desired.order is not None and links.order(guid) == desired.order else desired.order
    if held and order is None and held.options == options:
        return links
    return links.with_link(Link(held.dn if held else gpo_dn(guid, domain_dn), options), order)


def versions_disagree(state: GpoState) -> bool:
    """Whether the versions in LDAP and GPT.INI differ: an interrupted write, or replication that is under way."""
    return state.container is not None and state.files.version != state.container.version


def needs_new_version(found: GpoState, wanted: GpoState) -> bool:
    """Whether clients have to read the GPO anew: they do by its version alone (MS-GPOL 3.2.5.1.6)."""
    before, after = (state.container.machine_extensions if state.container else None for state in (found, wanted))
    files = [(state.files.registry_pol, state.files.gpt_tmpl) for state in (found, wanted)]
    return files[0] != files[1] or before != after


def predicted(found: GpoState, wanted: GpoState) -> GpoState:
    """The GPO that a run would leave: `wanted`, with the version that it would get."""
    if wanted.container is None or not (needs_new_version(found, wanted) or versions_disagree(found)):
        return wanted
    version = wanted.container.version.next_machine(found.files.version or Version())
    ini = GptIni.new() if found.files.gpt_ini is None else GptIni.parse(found.files.gpt_ini)
    files = replace(wanted.files, gpt_ini=ini.with_version(version).to_bytes())
    return replace(wanted, container=replace(wanted.container, version=version), files=files)


def cells_between(found: GpoState, wanted: GpoState) -> dict[str, dict[str, Json]]:
    """The cells in which two states of a GPO differ, each with `found` and `written`, in the order to restore."""
    cells = {}
    for name in _names(found, wanted):
        kind = cell(name)
        before, after = kind.now(found), kind.now(wanted)
        if before != after:
            cells[name] = {"found": before, "written": after}
    shell = cell(SHELL)
    if cells:
        cells[SHELL] = {"found": shell.now(found), "written": shell.now(wanted)}
    return cells


def link_cells(found: GpoState, wanted: GpoState) -> dict[str, dict[str, Json]]:
    """`cells_between`, of the links alone: reads no file, so that a damaged GPO can be deleted."""
    cells = {}
    for name in (LINK + dn for dn in found.links):
        before, after = cell(name).now(found), cell(name).now(wanted)
        if before != after:
            cells[name] = {"found": before, "written": after}
    return cells


def _names(found: GpoState, wanted: GpoState) -> Iterable[str]:
    for name, setting in MANAGED.items():
        # A file that is the same is not read: it may be damaged, or in a form that only its own editor knows.
        field_name = "registry_pol" if in_registry(setting) else "gpt_tmpl"
        if getattr(found.files, field_name) != getattr(wanted.files, field_name):
            yield SETTING + name
    yield from (COMMENT, WMI_FILTER, SECURITY)
    yield from (LINK + dn for dn in wanted.links or found.links)


def described(state: GpoState) -> dict[str, Any]:
    """A GPO in the words of the modules, for `before`, `after` and the diff."""
    container = state.container
    if container is None:
        return {}
    links = {}
    for target, text in sorted(state.linked_by().items()):
        parsed = links_of(text)
        link = parsed.of(state.guid)
        if link:
            enforced = bool(link.options & ENFORCED)
            links[target] = {"enabled": link.enabled, "enforced": enforced, "order": parsed.order(state.guid)}
    return {
        "name": container.name,
        "guid": container.guid,
        "settings": _settings(state),
        "links": [{"target": target, **link} for target, link in links.items()],
        "wmi_filter": container.wmi_filter,
        "security_filter": filter_sids(security_of(container.security)) if container.security else [],
        "comment": state.files.comment_text,
        "version": container.version.machine,
    }


def _settings(state: GpoState) -> dict[str, Any]:
    """The settings in words, without those of a file that is damaged: an edit of that one fails with the reason."""
    words = {}
    for name, setting in MANAGED.items():
        with suppress(DomainError):
            value = setting_value(state, setting)
            if value is not None:
                words[name] = setting.words.word(value)
    return words


def text_of(words: Mapping[str, Any]) -> str:
    """`described`, one fact a line, for a diff."""
    lines = []
    for name, value in words.items():
        if isinstance(value, Mapping):
            lines += [f"{name}.{key}: {held}" for key, held in value.items()]
        elif name == "links":
            lines += [f"link {link['target']}: {_link_words(link)}" for link in value]
        elif value not in (None, "", []):
            lines.append(f"{name}: {', '.join(value) if isinstance(value, list) else value}")
    return "".join(f"{line}\n" for line in lines)


def _link_words(link: Mapping[str, Any]) -> str:
    enforced = ", enforced" if link["enforced"] else ""
    return f"{'enabled' if link['enabled'] else 'disabled'}{enforced}, order {link['order']}"
