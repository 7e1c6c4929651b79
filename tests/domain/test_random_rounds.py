# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Two administrators, an attacker and a partner whose copy of SYSVOL lags, in random rounds.

What has to hold after each round: nothing outside of the GPO that the round names has changed, and what the round wrote
is there beside what was there before. In the end everything is reverted, and the domain is as it was.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, cast

from attackers import DEFAULT_DOMAIN_POLICY, account, delegate, forgeries, journals
from conftest import Domain

from ansible_collections.winops.smb_guest.plugins.plugin_utils.core.errors import RequestError, SmbGuestError
from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain.errors import DomainError
from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain_gpo.domain_change import DomainChanges
from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain_gpo.domain_report import DomainReport
from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain_gpo.gpo_desired import DesiredGpo, DesiredLink
from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain_gpo.gpo_outcome import GpoTerms
from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain_gpo.gpo_reader import GpoReader
from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain_gpo.journal_trust import ADMINISTRATORS
from ansible_collections.winops.smb_guest.plugins.plugin_utils.policy_files.gp_links import Links
from ansible_collections.winops.smb_guest.plugins.plugin_utils.policy_files.registry_pol import (
    RegistryPol,
    RegistryPolEntry,
)
from ansible_collections.winops.smb_guest.plugins.plugin_utils.policy_files.security_descriptor import (
    SecurityDescriptor,
)

SETTINGS = ("insecure_guest_logons", "client_signing", "audit_insecure_guest_logons")
FILTERS = (["S-1-5-11"], ["S-1-5-9"], ["S-1-5-9", "S-1-5-11"])
_GUID = re.compile(r"\{[0-9A-Fa-f-]{36}\}")


@dataclass
class LaggingCopy:
    """SYSVOL as a partner has it: files arrive there later than in the directory, one by one."""

    domain: Domain
    files: dict[str, bytes] = field(default_factory=dict)
    requests: int = 0

    def replicate(self, chosen: random.Random, share: float) -> None:
        policies = self.domain.folder("")
        found = {str(path.relative_to(policies)).lower(): path for path in policies.rglob("*") if path.is_file()}
        for name in sorted({*found, *self.files}):
            if chosen.random() < share:
                self.files.pop(name, None)
                if name in found:
                    self.files[name] = found[name].read_bytes()

    def read(self, path: str) -> bytes | None:
        name = path.split("\\Policies\\", 1)[1]
        return self.files.get(name.replace("\\", "/").lower())


@dataclass
class Whole:
    """All of the domain that changes of GPOs may touch, GPO by GPO."""

    gpos: dict[str, dict[str, Any]]
    orders: dict[str, list[str]]
    rest: dict[str, Any]

    @classmethod
    def of(cls, domain: Domain) -> Whole:
        whole = cls({}, {}, {})
        for key, value in domain.everything().items():
            match = _GUID.search(key)
            if "winops.smb_guest" in key:
                continue
            if match:
                whole.gpos.setdefault(match[0].upper(), {})[key] = value
                continue
            attributes = dict(value) if isinstance(value, dict) else {"content": value}
            links = Links.parse(b"".join(attributes.pop("gplink", ())).decode())
            whole.orders[key] = [link.guid for link in links.links]
            for link in links.links:
                whole.gpos.setdefault(link.guid, {})[f"link {key}"] = link.options
            if set(attributes) - {"content"} and not key.startswith("CN=Policies,"):  # its times change with each GPO
                whole.rest[key] = attributes
        return whole

    def without(self, guids: Collection[str]) -> Whole:
        gpos = {guid: gpo for guid, gpo in self.gpos.items() if guid not in guids}
        orders = {dn: [guid for guid in order if guid not in guids] for dn, order in self.orders.items()}
        return Whole(gpos, {dn: order for dn, order in orders.items() if order}, self.rest)

    def same_as(self, other: Whole, guids: Collection[str]) -> bool:
        """Whether nothing but these GPOs differs. A container is seen only while it links a GPO."""
        one, two = self.without(guids), other.without(guids)
        seen = one.rest.keys() & two.rest.keys()
        same_rest = all(one.rest[dn] == two.rest[dn] for dn in seen)
        return one.gpos == two.gpos and one.orders == two.orders and same_rest


class Rounds:
    """The actors, and what each of them may do in a round."""

    def __init__(self, domain: Domain, sids: dict[str, str], chosen: random.Random) -> None:
        self.domain, self.sids, self.chosen = domain, sids, chosen
        self.units = [domain.unit() for _number in range(3)]
        self.names = [domain.name("Random") for _number in range(3)]
        self.theirs = domain.name("Of the attacker")
        for name in (*self.names, self.theirs):
            domain.present(name, settings={SETTINGS[0]: False}, links=[self.units[0]])
        self.guid_of_theirs = domain.present(self.theirs).after["guid"]
        delegate(domain, sids, self.guid_of_theirs, self.units[1])
        self.marker = RegistryPolEntry.dword("Software\\Theirs", "Value", 7)
        for name in self.names:
            self._mark(domain.present(name).after["guid"])
        self.copy = LaggingCopy(domain)
        self.copy.replicate(chosen, 1)
        self.changes: list[tuple[str, str]] = []
        """GUID and change_id of every change, oldest first."""
        self.out_of_order = False
        """Whether a change was reverted before a newer one. A link then goes back to its place as counted before, which
        is another one where other GPOs of its container were moved since."""

    def _mark(self, guid: str) -> None:
        """A value of somebody else in the same file."""
        path = self.domain.folder(guid) / "Machine" / "Registry.pol"
        path.write_bytes(RegistryPol.parse(path.read_bytes()).set(self.marker).to_bytes())

    def guids(self) -> set[str]:
        with self.domain.reader() as reader:
            return {found.guid for name in self.names if (found := reader.find(name))}

    def desired(self, name: str) -> DesiredGpo:
        chosen = self.chosen
        settings = {each: chosen.choice([True, False, None]) for each in chosen.sample(SETTINGS, chosen.randint(0, 3))}
        links = [
            DesiredLink(
                unit, chosen.choice([None, True, False]), chosen.choice([None, True, False]), chosen.choice([None, 1])
            )
            for unit in chosen.sample(self.units, chosen.randint(0, 2))
        ]
        filters = chosen.choice([None, None, *FILTERS])
        comment = chosen.choice([None, "", "why"])
        return DesiredGpo(name, settings, links, chosen.random() < 0.3, filter_sids=filters, comment=comment)

    # Rounds

    def administrator(self) -> None:
        name = self.chosen.choice(self.names)
        self._present(name, self.desired(name))

    def two_administrators(self) -> None:
        wanted = [self.desired(self.chosen.choice(self.names)) for _number in range(2)]
        with ThreadPoolExecutor(2) as pool:
            for each in [pool.submit(self._present, desired.name, desired, own=True) for desired in wanted]:
                with suppress(DomainError):  # twice somebody was faster: nothing of it was written
                    each.result()

    def _present(self, name: str, desired: DesiredGpo, *, own: bool = False) -> None:
        with self.domain.reader(**({"auth_protocol": "ntlm"} if own else {})) as reader:
            outcome = DomainChanges(reader).make_true(name, desired, GpoTerms())
        if outcome.entry:
            self.changes.append((outcome.after["guid"], outcome.entry.change_id))
        if not own and desired.comment is not None:
            assert outcome.after["comment"] == desired.comment

    def deletes(self) -> None:
        name = self.chosen.choice(self.names)
        outcome = self.domain.absent(name)
        if outcome.entry:
            self.changes.append((outcome.before["guid"], outcome.entry.change_id))
            self.domain.revert(outcome)
            self.changes.pop()

    def reverts(self) -> None:
        if not self.changes:
            return
        chosen = guid, change_id = self.chosen.choice(self.changes)
        with self.domain.reader() as reader:
            DomainChanges(reader).revert(guid, change_id, force=False)
        self.out_of_order |= chosen != self.changes[-1]
        self.changes.remove(chosen)

    def forges(self) -> None:
        """In the attacker's own name, and where administrators have no journal in theirs.

        Samba lets who may create files in a folder rename one over a file of others; Windows does not. A journal that
        was replaced so is not believed, and cannot be reverted any more: see `test_trust`.
        """
        victim = self.chosen.choice(sorted(self.guids()))
        content = self.chosen.choice(list(forgeries(self.domain, self.sids["forger"], victim, self.units[0])))
        names = (f"{victim}.{self.sids['forger']}.json", f"{DEFAULT_DOMAIN_POLICY}.{ADMINISTRATORS}.json")
        with self.domain.reader(**account(self.domain, "forger")) as reader:
            for name in names:
                with suppress(DomainError):
                    reader.sysvol.replace(rf"{journals(self.domain)}\{name}", content)

    def edits_theirs(self) -> None:
        """Who may edit one GPO puts a damaged or strange file into it."""
        content = self.chosen.choice([b"", b"PReg", RegistryPol(()).to_bytes(), self.chosen.randbytes(40)])
        (self.domain.folder(self.guid_of_theirs) / "Machine" / "Registry.pol").write_bytes(content)
        with self.domain.reader(**account(self.domain, "editor")) as reader:
            reader.sysvol.replace(rf"{reader.folder(self.guid_of_theirs)}\GPO.cmt", content)

    # What has to hold

    def play(self, round_: Callable[[], None]) -> None:
        before, named = Whole.of(self.domain), self.guids()
        refused = False
        try:
            round_()
        except RequestError:
            refused = True
        after = Whole.of(self.domain)
        is_attack = round_ in (self.forges, self.edits_theirs)
        mine = {self.guid_of_theirs} if round_ == self.edits_theirs else set() if is_attack or refused else named
        assert after.same_as(before, mine), f"{round_.__name__}, {mine}"
        self.marked()
        self.partner()

    def marked(self) -> None:
        """The value of somebody else is in every GPO still."""
        for guid in self.guids():
            registry = RegistryPol.parse(self.domain.files(guid)["machine/registry.pol"])
            effect = registry.effect(self.marker.key, self.marker.name)
            assert effect
            assert effect.entry == self.marker

    def partner(self) -> None:
        """A partner that lags reads old files with a new directory: it says so, and nothing ends with an error."""
        self.copy.replicate(self.chosen, self.chosen.choice([0.0, 0.3, 1.0]))
        with self.domain.reader() as reader:
            lagging = GpoReader(reader.directory, cast(Any, self.copy), reader.domain)
            report = DomainReport(lagging)
            words = {gpo["guid"]: gpo for gpo in report.gpos()}
        late = {guid for guid, gpo in words.items() if not gpo["versions_agree"]}
        named = {
            name for finding in report.findings if finding["kind"] == "versions_disagree" for name in finding["gpos"]
        }
        assert {words[guid]["name"] for guid in late} == named


def meant(name: str, held: Any) -> Any:
    """What an attribute means."""
    if name != "ntsecuritydescriptor":
        return held
    descriptor = SecurityDescriptor.parse(held[0])
    return descriptor.owner, descriptor.group, frozenset(descriptor.dacl or ())


def without_versions(whole: Whole) -> dict[str, dict[str, Any]]:
    """Versions only go up, so that clients read a GPO again; and what is restored is a new object of the directory.

    The order in an ACL of those who are allowed means nothing: a restored entry stands at the end of its kind.
    """
    unlike = ("versionnumber", "whencreated", "objectguid")
    return {
        guid: {
            key: {name: meant(name, held) for name, held in value.items() if name not in unlike}
            if isinstance(value, dict)
            else value
            for key, value in gpo.items()
            if not key.lower().endswith("gpt.ini")
        }
        for guid, gpo in whole.gpos.items()
    }


def test_random_rounds(
    domain: Domain, sids: dict[str, str], rounds: int, seed: int, record_property: Callable[[str, object], None]
) -> None:
    chosen = random.Random(seed)
    actors = Rounds(domain, sids, chosen)
    start = Whole.of(domain)
    kinds = [actors.administrator] * 4 + [actors.two_administrators] * 2 + [actors.reverts] * 3
    kinds += [actors.deletes, actors.forges, actors.edits_theirs]
    for _number in range(rounds):
        actors.play(chosen.choice(kinds))
    record_property("rounds", rounds)
    record_property("changes that stood in the end", len(actors.changes))
    with domain.reader() as reader:
        changes = DomainChanges(reader)
        for guid, change_id in reversed(actors.changes):
            changes.revert(guid, change_id, force=False)
    theirs = {actors.guid_of_theirs}
    end, start = Whole.of(domain).without(theirs), start.without(theirs)
    assert without_versions(end) == without_versions(start), f"seed {seed}"
    # The links themselves were compared above.
    assert actors.out_of_order or end.orders == start.orders, f"seed {seed}"
    actors.copy.replicate(chosen, 1)
    for name in (*actors.names, actors.theirs):
        with suppress(SmbGuestError):
            domain.absent(name)
