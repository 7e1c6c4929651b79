# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which GPO decides on a computer or below a container, from what a `DomainReport` has read of the domain.

The question can also be asked about a GPO that is still to be written: `expected` is its state, and takes the place of
what the directory says about it. So a task can refuse a change that would have no effect before it writes.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from ..core.errors import RequestError
from ..domain.accounts import COMPUTERS_EVERYWHERE, computer, wmi_filter_name
from ..domain.distinguished_names import dn_key, parent_dn
from ..domain.errors import clean
from ..policy_files.gpt_ini import Version
from ..policy_files.security_descriptor import sid_text
from .domain_report import Carrier, DomainReport
from .gpo_access import may_apply
from .gpo_cells import MANAGED
from .gpo_state import FUNCTIONALITY_VERSION, MACHINE_OFF, GpoState, links_of
from .precedence import Dropped, Gpo, LinkedContainer, Resolved, resolve

_DOMAIN_COMPUTERS = 515


class Resolution:
    """Answers for one domain."""

    def __init__(self, report: DomainReport, expected: GpoState | None = None, gone: Collection[str] = ()) -> None:
        """Take what was read, and what a change would make of it.

        Args:
            report: What was read of the domain.
            expected: A GPO as it is to be.
            gone: GUIDs of GPOs that are to be deleted.
        """
        self._directory = report.reader.directory
        self._expected_links = expected.links if expected else {}
        self._carriers = {guid: carrier for guid, carrier in report.carriers.items() if guid not in gone}
        if expected and expected.container:
            self._carriers[expected.guid] = report.carrier_of(expected)

    def resolved(self, *, account: str | None, unit: str | None, site: str | None) -> dict[str, Any]:
        """Which GPO wins each setting, in words.

        Args:
            account: A computer account.
            unit: In place of it, a container: asked is for a computer there that is in no group.
            site: The name of the site, where its links count as well.

        Raises RequestError for an account or container that is not there.
        """
        if account:
            dn, token = computer(self._directory, account)
            holder = parent_dn(dn)
        else:
            dn = holder = self._dn_of(str(unit))
            token = self.any_computer()
        site_dn = f"CN={site},CN=Sites,{self._directory.configuration_dn}" if site else None
        containers = self._containers(holder, site_dn)
        answer = self._resolve(containers, token)
        return {"target": clean(dn), "containers": [clean(each.dn) for each in containers], **self._in_words(answer)}

    def below(self, holder: str, token: frozenset[str], site_dn: str | None = None) -> Resolved:
        """What computers get that are directly below a container.

        Args:
            holder: The container, as the server spells it.
            token: The SIDs of such a computer.
            site_dn: The site, where its links count as well.

        Raises RequestError.
        """
        return self._resolve(self._containers(holder, site_dn), token)

    def any_computer(self) -> frozenset[str]:
        """The token of a computer that is in no group but Domain Computers."""
        entry = self._directory.read(self._directory.domain_dn, ["objectSid"])
        domain = sid_text((entry.raw("objectSid") if entry else None) or b"")
        return COMPUTERS_EVERYWHERE | {f"{domain}-{_DOMAIN_COMPUTERS}"}

    def _resolve(self, containers: list[LinkedContainer], token: frozenset[str]) -> Resolved:
        return resolve(containers, {guid: self._gpo(carrier, token) for guid, carrier in self._carriers.items()})

    def _dn_of(self, name: str) -> str:
        """The server's spelling of a container that a task names."""
        entry = self._directory.read(name, ["distinguishedName"])
        if entry is None:
            raise RequestError(f"The directory has no {clean(name)} that the account can see.")
        return entry.dn

    def _containers(self, holder: str, site_dn: str | None) -> list[LinkedContainer]:
        """The containers that count, the topmost first. Raises RequestError for one that is not there."""
        domain_dn = self._directory.domain_dn
        below: list[str] = []
        dn = holder
        while dn and dn_key(dn) != dn_key(domain_dn):
            if dn[:3].upper() == "OU=":
                below.append(dn)
            dn = parent_dn(dn)
        if not dn:
            raise RequestError(f"{clean(holder)} is not in the domain {clean(domain_dn)}.")
        return [self._container(each) for each in [*([site_dn] if site_dn else []), domain_dn, *reversed(below)]]

    def _container(self, dn: str) -> LinkedContainer:
        entry = self._directory.read(dn, ["gPLink", "gPOptions"])
        if entry is None:
            raise RequestError(f"The directory has no {clean(dn)} that the account can see.")
        expected = {dn_key(each): text for each, text in self._expected_links.items()}
        links = expected.get(dn_key(entry.dn), entry.text("gPLink"))
        return LinkedContainer(entry.dn, links_of(links), entry.text("gPOptions") == "1")

    @staticmethod
    def _gpo(carrier: Carrier, token: frozenset[str]) -> Gpo:
        """A GPO as `resolve` wants it: with the reason why these accounts do not apply it, if there is one."""
        container = carrier.container
        drop = None
        if container.functionality_version != FUNCTIONALITY_VERSION:
            drop = Dropped.NOT_A_VERSION
        elif container.flags & MACHINE_OFF:
            drop = Dropped.MACHINE_OFF
        elif carrier.security and not may_apply(carrier.security, token):
            drop = Dropped.FILTERED
        elif not container.version.number and not (carrier.version or Version()).number:
            drop = Dropped.NEVER_CHANGED
        return Gpo(container.guid, clean(container.name), carrier.settings, drop, container.wmi_filter)

    def _in_words(self, answer: Resolved) -> dict[str, Any]:
        settings = {}
        for name, decision in answer.decisions.items():
            word = MANAGED[name].words.word
            settings[name] = {
                "value": word(decision.value),
                "gpo": decision.winner.gpo.name,
                "guid": decision.winner.gpo.guid,
                "linked_to": clean(decision.winner.target),
                "enforced": decision.winner.enforced,
                "wmi_filter_not_evaluated": wmi_filter_name(self._directory, decision.conditional),
                "others": [
                    {
                        "gpo": loser.name,
                        "guid": loser.guid,
                        "linked_to": clean(loser.target),
                        "value": word(loser.value),
                        "why_not": clean(loser.why),
                    }
                    for loser in decision.losers
                ],
            }
        applied: list[Mapping[str, Any]] = [
            {"gpo": link.gpo.name, "guid": link.gpo.guid, "linked_to": clean(link.target), "enforced": link.enforced}
            for link in answer.applied
        ]
        not_applied = [
            {"gpo": link.gpo.name, "guid": link.gpo.guid, "linked_to": clean(link.target), "why_not": clean(link.why)}
            for link in answer.not_applied
        ]
        return {"settings": settings, "applied": applied, "not_applied": not_applied}
