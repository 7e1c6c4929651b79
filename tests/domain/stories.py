# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Kinds of changes that faults strike, and what has to hold: the GPO is old, new, or finished by the next run."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from conftest import Domain
from faults import EVERY, Killed, Kind, fault

from ansible_collections.winops.smb_guest.plugins.plugin_utils.core.errors import SmbGuestError
from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain.sysvol import BESIDE
from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain_gpo.gpo_outcome import GpoOutcome
from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain_gpo.gpo_reader import GPO_CLASS
from ansible_collections.winops.smb_guest.plugins.plugin_utils.policy_files.gpt_ini import GptIni
from ansible_collections.winops.smb_guest.plugins.plugin_utils.policy_files.gpt_tmpl import GptTmpl
from ansible_collections.winops.smb_guest.plugins.plugin_utils.policy_files.registry_pol import RegistryPol

GUEST, SIGNING = "insecure_guest_logons", "client_signing"


@dataclass
class Story:
    """A change, how its start is made again, and what the domain has to hold in the end.

    prepare: makes the start; run: the change, which the fault strikes; wanted: `after` in words, of what `run` wants.
    """

    domain: Domain
    name: str
    prepare: Callable[[], None]
    run: Callable[[], GpoOutcome]
    wanted: Callable[[dict[str, Any]], bool]
    versions: dict[str, int] = field(default_factory=dict)

    def strike(self, kind: Kind, at: int) -> bool:
        """One round; False once the run has fewer requests than `at`."""
        self.prepare()
        self.domain.fresh = True  # with the run its connections end
        try:
            with fault(kind, at) as struck, suppress(Killed, SmbGuestError):
                self.run()
        finally:
            self.domain.fresh = False
        self.never_wrong()
        outcome = self.run()  # the next run
        assert self.wanted(dict(outcome.after)), (kind, at, outcome.after)
        self.whole((kind, at))
        return struck.struck

    def never_wrong(self) -> None:
        """What has to hold at any moment: files that parse, versions that never go back."""
        with self.domain.reader() as reader:
            for container in reader.containers(f"(&{GPO_CLASS}(displayName={self.name}))"):
                files = self.domain.files(container.guid)
                if content := files.get("machine/registry.pol"):
                    RegistryPol.parse(content)
                if content := files.get("machine/microsoft/windows nt/secedit/gpttmpl.inf"):
                    GptTmpl.parse(content)
                ini = GptIni.parse(files["gpt.ini"]).version.number if "gpt.ini" in files else 0
                version = max(container.version.number, ini)
                assert version >= self.versions.get(container.guid, 0), container.name
                self.versions[container.guid] = version

    def whole(self, where: object) -> None:
        """What has to hold after a run that ended well: both halves of the GPO, and nothing that is left over."""
        self.never_wrong()
        policies = self.domain.folder("")
        ours = policies / "winops.smb_guest"
        assert not list(policies.rglob(f"*{BESIDE}")), where
        assert not list(ours.glob("*.lock")), where
        with self.domain.reader() as reader:
            containers = {each.guid: each for each in reader.containers()}
        mine = [each for each in containers.values() if each.name == self.name]
        assert len(mine) <= 1, where
        assert {path.name for path in policies.iterdir()} - {"winops.smb_guest"} == set(containers), where
        for container in mine:
            ini = GptIni.parse(self.domain.files(container.guid)["gpt.ini"])
            assert ini.version == container.version, where


def stories(domain: Domain) -> dict[str, Story]:
    """Every kind of change."""
    unit, other = domain.unit(), domain.unit()
    created, edited, linked = domain.name("created"), domain.name("edited"), domain.name("linked")
    deleted, undone, restored = domain.name("deleted"), domain.name("undone"), domain.name("restored")
    half = {"settings": {GUEST: True}, "links": [unit]}
    full = {"settings": {GUEST: False, SIGNING: True}, "links": [unit], "comment": "why"}
    outcomes: dict[str, GpoOutcome] = {}

    def start_undone() -> None:
        domain.present(undone, **half)
        outcomes["undone"] = domain.present(undone, settings={GUEST: False, SIGNING: True}, comment="x")

    def start_restored() -> None:
        domain.present(restored, **full)
        outcomes["restored"] = domain.absent(restored)

    def is_full(after: dict[str, Any]) -> bool:
        targets = [link["target"] for link in after["links"]]
        return after["settings"] == {GUEST: "blocked", SIGNING: "required"} and targets == [unit]

    return {
        "create": Story(
            domain, created, lambda: _gone(domain, created), lambda: domain.present(created, **full), is_full
        ),
        "edit": Story(
            domain,
            edited,
            lambda: _put(domain, edited, half, settings={GUEST: True, SIGNING: None}, comment=""),
            lambda: domain.present(edited, **full),
            is_full,
        ),
        "link": Story(
            domain,
            linked,
            lambda: _put(domain, linked, half, links=[unit], links_exclusive=True, filter_sids=["S-1-5-11"]),
            lambda: domain.present(linked, links=[other], links_exclusive=True, filter_sids=["S-1-5-9"]),
            lambda after: [link["target"] for link in after["links"]] == [other],
        ),
        "delete": Story(
            domain,
            deleted,
            lambda: _put(domain, deleted, full),
            lambda: domain.absent(deleted),
            lambda after: after == {},
        ),
        "revert an edit": Story(
            domain,
            undone,
            start_undone,
            lambda: domain.revert(outcomes["undone"]),
            lambda after: after["settings"] == {GUEST: "allowed"} and after["comment"] == "",
        ),
        "revert a deletion": Story(
            domain, restored, start_restored, lambda: domain.revert(outcomes["restored"]), is_full
        ),
    }


def _gone(domain: Domain, name: str) -> None:
    domain.absent(name)


def _put(domain: Domain, name: str, first: dict[str, Any], **then: Any) -> None:
    domain.present(name, **first)
    if then:
        domain.present(name, **then)


NAMES = ("create", "edit", "link", "delete", "revert an edit", "revert a deletion")


def strike_all(domain: Domain, name: str) -> int:
    """Every round of a story; how many there were."""
    story = stories(domain)[name]
    rounds = 0
    for kind, step in EVERY.items():
        at = 1 + NAMES.index(name) % step  # odd ones in one story, even ones in the next
        while story.strike(kind, at):
            at += step
            rounds += 1
    domain.dc.tool("gpo", "aclcheck")
    return rounds
