# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the GPOs of a domain say about the settings of this collection. Reads only, page by page.

LDAP answers for hundreds of GPOs at once, SYSVOL takes a request for each file. So only those GPOs are looked at whose
extension list names registry or security policy, of them only the files that it names (clients read no others), and the
rest only of those that say something about our settings. Nothing else is kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from itertools import combinations
from typing import Any

from ..core.errors import RequestError, worded
from ..domain.accounts import name_of, wmi_filter_name
from ..domain.directory import SearchScope, escaped
from ..domain.distinguished_names import dn_key, is_below
from ..domain.errors import DomainError, clean
from ..policy_files.extension_names import REGISTRY_POLICY, SECURITY_SETTINGS
from ..policy_files.gp_links import ENFORCED, Links
from ..policy_files.gpt_ini import Version
from ..policy_files.security_descriptor import SecurityDescriptor
from .gpo_access import filter_sids
from .gpo_cells import MANAGED, setting_value
from .gpo_reader import GPO_CLASS, GpoReader
from .gpo_state import MACHINE_OFF, USER_OFF, GpoContainer, GpoState, links_of, security_of

# What the role domain_exception writes at the end of name and comment of a GPO. A reason before it may hold dates too.
_DAY = r"expires (\d{4}-\d{2}-\d{2})"
_EXPIRES_IN_NAME, _EXPIRES_IN_COMMENT = re.compile(rf"\({_DAY}\)\Z"), re.compile(rf"\b{_DAY}\Z")
_OURS = (
    f"(&{GPO_CLASS}(|(gPCMachineExtensionNames=*{escaped(REGISTRY_POLICY.cse)}*)"
    f"(gPCMachineExtensionNames=*{escaped(SECURITY_SETTINGS.cse)}*)))"
)
_POLICY_FILES = {REGISTRY_POLICY: "registry_pol", SECURITY_SETTINGS: "gpt_tmpl"}
_VERSION_AND_COMMENT = ("gpt_ini", "comment")
_BLOCKING = "(gPOptions=1)"
_DOMAIN_COMPUTERS = 515


@dataclass
class Carrier:
    """A GPO that sets something of ours. version: of GPT.INI. links: by container, gPLink as it is there."""

    container: GpoContainer
    settings: dict[str, bool]
    version: Version | None
    comment: str
    security: SecurityDescriptor | None
    links: dict[str, Links] = field(default_factory=dict)


class DomainReport:
    """Looks at a domain once and answers from that."""

    def __init__(self, reader: GpoReader, gpo: str | None = None) -> None:
        """gpo: only the one of this name or GUID. Raises DomainError, RequestError."""
        self.reader = reader
        self.findings: list[dict[str, Any]] = []
        self._names: dict[str, str] = {}
        self.carriers = {each.container.guid: each for each in self._carriers(gpo)}
        self.blocking: set[str] = set()
        """Containers that block inheritance."""
        self._read_links()

    def _carriers(self, gpo: str | None) -> Iterator[Carrier]:
        if gpo is not None:
            found = self.reader.find(gpo)
            if found is None:
                raise RequestError(f"The domain has no GPO {clean(gpo)} that the account can see.")
        for container in [found] if gpo is not None and found else self.reader.containers(_OURS):
            try:
                settings = self._settings(container)
                if settings or gpo is not None:
                    yield self._carrier(container, settings)
            except DomainError as error:
                self._finding("unreadable", [container], clean(worded(error)))

    def _carrier(self, container: GpoContainer, settings: dict[str, bool]) -> Carrier:
        """Raises DomainError."""
        files = self.reader.files(container.guid, _VERSION_AND_COMMENT)
        security = security_of(container.security) if container.security else None
        return Carrier(container, settings, files.version, files.comment_text, security)

    @staticmethod
    def carrier_of(state: GpoState) -> Carrier:
        """A GPO that is to be, as if it had been read. Raises DomainError."""
        container = state.container
        if container is None:
            raise ValueError("a GPO that does not exist carries nothing")
        values = {name: setting_value(state, setting) for name, setting in MANAGED.items()}
        settings = {name: value for name, value in values.items() if value is not None}
        security = security_of(container.security) if container.security else None
        links = {dn: links_of(text) for dn, text in state.linked_by().items()}
        return Carrier(container, settings, container.version, state.files.comment_text, security, links)

    def _settings(self, container: GpoContainer) -> dict[str, bool]:
        """Raises DomainError."""
        named = [field for extension, field in _POLICY_FILES.items() if container.extensions.has_cse(extension.cse)]
        state = GpoState(container.guid, container, self.reader.files(container.guid, named))
        values = {name: setting_value(state, setting) for name, setting in MANAGED.items()}
        return {name: value for name, value in values.items() if value is not None}

    def _read_links(self) -> None:
        """Every link of the carriers, and every container that blocks inheritance."""
        directory = self.reader.directory
        for base in (directory.domain_dn, directory.configuration_dn):
            for entry in directory.search(
                base, SearchScope.SUBTREE, f"(|(gPLink=*){_BLOCKING})", ["gPLink", "gPOptions"]
            ):
                if entry.text("gPOptions") == "1":
                    self.blocking.add(entry.dn)
                try:
                    links = links_of(entry.text("gPLink"))
                except DomainError as error:
                    self._finding("unreadable", [], f"{clean(entry.dn)}: {worded(error)}")
                    continue
                for guid in {link.guid for link in links.links} & self.carriers.keys():
                    self.carriers[guid].links[entry.dn] = links

    # Answers

    def gpos(self) -> list[dict[str, Any]]:
        """Every carrier in words, by name; the findings are complete after it."""
        rows = [self._described(each) for each in sorted(self.carriers.values(), key=lambda each: each.container.name)]
        self._find_contradictions()
        return rows

    def _described(self, carrier: Carrier) -> dict[str, Any]:
        container = carrier.container
        version = carrier.version
        if version != container.version:
            sysvol = "no GPT.INI" if version is None else str(version.number)
            text = f"LDAP has version {container.version.number}, SYSVOL {sysvol}: interrupted, or not replicated yet"
            self._finding("versions_disagree", [container], text)
        expires = self._expires(carrier)
        if expires and expires < datetime.now(UTC).date():
            self._finding("overdue", [container], f"it was to be removed by {expires.isoformat()}")
        self._find_without_effect(carrier)
        security = carrier.security
        return {
            "name": clean(container.name),
            "guid": container.guid,
            "settings": {name: MANAGED[name].words.word(value) for name, value in carrier.settings.items()},
            "version": _halves(container.version),
            "sysvol_version": None if version is None else _halves(version),
            "versions_agree": version == container.version,
            "computer_half_enabled": not container.flags & MACHINE_OFF,
            "user_half_enabled": not container.flags & USER_OFF,
            "links": [self._link_in_words(carrier, target) for target in sorted(carrier.links)],
            "security_filter": [self.name_of(sid) for sid in filter_sids(security)] if security else None,
            "wmi_filter": wmi_filter_name(self.reader.directory, container.wmi_filter),
            "comment": clean(carrier.comment),
            "expires_on": expires.isoformat() if expires else None,
        }

    def _find_without_effect(self, carrier: Carrier) -> None:
        """A GPO that no computer applies, whatever it sets."""
        container = carrier.container
        if not _enabled(carrier):
            self._finding(
                "not_linked", [container], f"{clean(container.name)} has no enabled link: no computer applies it"
            )
        if container.flags & MACHINE_OFF:
            text = f"the computer half of {clean(container.name)} is disabled: no computer applies it"
            self._finding("computer_half_disabled", [container], text)

    def _link_in_words(self, carrier: Carrier, target: str) -> dict[str, Any]:
        links = carrier.links[target]
        link = links.of(carrier.container.guid)
        if link is None:
            raise KeyError(target)  # cannot be: the link is why the target is listed
        blocked = [] if link.enforced else [dn for dn in self.blocking if is_below(dn, target)]
        return {
            "target": clean(target),
            "enabled": link.enabled,
            "enforced": bool(link.options & ENFORCED),
            "order": links.order(carrier.container.guid),
            "blocked_at": sorted(map(clean, blocked)),
        }

    @staticmethod
    def _expires(carrier: Carrier) -> date | None:
        name, comment = carrier.container.name.strip(), carrier.comment.strip()
        for match in (_EXPIRES_IN_NAME.search(name), _EXPIRES_IN_COMMENT.search(comment)):
            if match:
                with suppress(ValueError):
                    return date.fromisoformat(match[1])
        return None

    def _find_contradictions(self) -> None:
        """Two GPOs that reach the same computers and say different things."""
        for one, other in combinations(sorted(self.carriers.values(), key=lambda each: each.container.name), 2):
            names = [name for name, value in one.settings.items() if other.settings.get(name, value) != value]
            if not names:
                continue
            meeting = [
                (mine, theirs) for mine in _enabled(one) for theirs in _enabled(other) if _share_computers(mine, theirs)
            ]
            if meeting:
                words = ", ".join(
                    f"{name} is {MANAGED[name].words.word(one.settings[name])} in {clean(one.container.name)} and "
                    f"{MANAGED[name].words.word(other.settings[name])} in {clean(other.container.name)}"
                    for name in names
                )
                where = "; ".join(f"{clean(mine)} and {clean(theirs)}" for mine, theirs in meeting[:3])
                self._finding("contradiction", [one.container, other.container], f"{words} (linked to {where})")

    def _finding(self, kind: str, containers: Iterable[GpoContainer], text: str) -> None:
        finding = {"kind": kind, "gpos": [clean(each.name) for each in containers], "text": text}
        if finding not in self.findings:
            self.findings.append(finding)

    def name_of(self, sid: str) -> str:
        if sid not in self._names:
            self._names[sid] = clean(name_of(self.reader.directory, sid))
        return self._names[sid]


def _halves(version: Version) -> dict[str, int]:
    return {"computer": version.machine, "user": version.user}


def _enabled(carrier: Carrier) -> list[str]:
    guid = carrier.container.guid
    return [target for target, links in carrier.links.items() if any(x.guid == guid and x.enabled for x in links.links)]


def _share_computers(one: str, other: str) -> bool:
    return dn_key(one) == dn_key(other) or is_below(one, other) or is_below(other, one)
