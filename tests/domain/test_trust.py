# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An attacker with the rights that domains delegate forges journals, and an administrator runs every module.

What has to hold: no right, link, filter or file outside of what the administrator's task names changes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from attackers import ATTACKERS, DEFAULT_DOMAIN_POLICY, account, delegate, forgeries, journals, open_folder
from conftest import Domain
from faults import Killed, fault

from ansible_collections.winops.smb_guest.plugins.action.domain_policy_revert import chosen
from ansible_collections.winops.smb_guest.plugins.plugin_utils.core.errors import RequestError, SmbGuestError
from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain.errors import DomainError, MissingRight
from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain_gpo.domain_change import DomainChanges
from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain_gpo.gpo_desired import DesiredGpo
from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain_gpo.gpo_outcome import GpoTerms
from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain_gpo.journal_store import JournalStore
from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain_gpo.journal_trust import ADMINISTRATORS
from ansible_collections.winops.smb_guest.plugins.plugin_utils.policy_files.security_descriptor import (
    SecurityDescriptor,
)

GUEST, SIGNING = "insecure_guest_logons", "client_signing"
NEVER = {"latest": False, "all": False, "change_id": None, "gpo": None}


HOSTILE: tuple[Any, ...] = (None, "", "../../x", "x" * 5000, -1, [], {"a": 1}, DEFAULT_DOMAIN_POLICY)
"""What stands in place of a field of a forged file."""


def forged_fields(domain: Domain, sid: str, victim: str, unit: str) -> Iterator[bytes]:
    """Each field of a journal, at every depth, replaced by something else."""

    def fields(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
        for key in node if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else ():
            yield (*path, key)
            yield from fields(node[key], (*path, key))

    forged = forgeries(domain, sid, victim, unit)
    whole = next((each for each in forged if b'"delete"' in each and b'"pending"' in each), b"none")
    for number, path in enumerate(fields(json.loads(whole))):
        for value in (HOSTILE[number % len(HOSTILE)], HOSTILE[(number + 3) % len(HOSTILE)]):
            data = json.loads(whole)
            node = data
            for key in path[:-1]:
                node = node[key]
            node[path[-1]] = value
            yield json.dumps(data).encode()


def administer(domain: Domain, name: str, named: list[str]) -> None:
    """An administrator runs every module: a GPO of his own, the victims by name, everything that can be reverted."""
    with domain.reader() as reader:
        changes = DomainChanges(reader)
        for gpo in named:
            with suppress(SmbGuestError):
                changes.make_true(gpo, DesiredGpo(gpo), GpoTerms())
        changes.make_true(name, DesiredGpo(name, {GUEST: False}), GpoTerms())
        for options in ({"latest": True}, {"all": True}, {"change_id": "forged-edit-applied"}):
            with suppress(RequestError):
                for journal, entry in chosen(list(changes.journals()), {**NEVER, **options}):
                    if entry.status.is_open and entry.change_id.startswith("forged"):
                        with suppress(SmbGuestError):
                            changes.revert(journal.guid, entry.change_id, force=True)
        list(JournalStore(reader.directory, reader.sysvol, reader.policies_folder).files())


def outside(domain: Domain) -> dict[str, Any]:
    """All of the domain but what lies in the folder of the journals."""
    return {name: value for name, value in domain.everything().items() if "winops.smb_guest" not in name}


@pytest.mark.parametrize("attacker", ATTACKERS)
def test_forged_journals_change_nothing(
    domain: Domain, sids: dict[str, str], attacker: str, record_property: Callable[[str, object], None]
) -> None:
    unit = domain.unit()
    names = [domain.name("Victim"), domain.name("Untouched")]
    guids = [domain.present(name, settings={GUEST: False}, links=[unit]).after["guid"] for name in names]
    mine = domain.name("Administrator's own")
    domain.present(mine, settings={GUEST: False})
    delegate(domain, sids, guids[0], unit)
    if attacker == "writer":
        open_folder(domain, sids[attacker])
    before = outside(domain)
    rounds = written = 0
    victims = (*guids, DEFAULT_DOMAIN_POLICY)
    for contents in zip(*(forgeries(domain, sids[attacker], victim, unit) for victim in victims), strict=True):
        with domain.reader(**account(domain, attacker)) as reader:
            for victim, content in zip(victims, contents, strict=True):
                for name in (f"{victim}.{ADMINISTRATORS}.json", f"{victim}.{sids[attacker]}.json"):
                    rounds += 1
                    with suppress(DomainError):
                        reader.sysvol.replace(rf"{journals(domain)}\{name}", content)
                        written += 1
        administer(domain, mine, [*names, "Default Domain Policy"])
    assert outside(domain) == before
    assert written >= rounds / 3
    record_property("rounds", rounds)
    record_property("forged files that the server took", written)
    with domain.reader() as reader, suppress(DomainError):  # as its message advises
        reader.sysvol.delete_file(rf"{journals(domain)}\{DEFAULT_DOMAIN_POLICY}.{ADMINISTRATORS}.json")
    domain.present(domain.name("Closes the folder"), settings={GUEST: False})


def test_every_field_of_a_journal_is_forged(
    domain: Domain, sids: dict[str, str], record_property: Callable[[str, object], None]
) -> None:
    """In the name of the administrator and of the attacker, by an attacker who may write all of the folder."""
    unit = domain.unit()
    names = [domain.name("Victim of fields") for _number in range(2)]
    victims = [domain.present(name, settings={GUEST: False}, links=[unit]).after["guid"] for name in names]
    mine = domain.name("Administrator's own")
    domain.present(mine, settings={GUEST: False})
    open_folder(domain, sids["writer"])
    before = outside(domain)
    contents = list(forged_fields(domain, sids["writer"], victims[0], unit))
    places = [
        f"{victim}.{sid}.json" for victim in victims for sid in (ADMINISTRATORS, sids["writer"], "S-1-5-21-1-2-3")
    ]
    for number in range(0, len(contents), len(places)):
        with domain.reader(**account(domain, "writer")) as reader:
            for place, content in zip(places, contents[number : number + len(places)], strict=False):
                with suppress(DomainError):
                    reader.sysvol.replace(rf"{journals(domain)}\{place}", content)
        administer(domain, mine, names)
        assert outside(domain) == before, number
    record_property("forged files", len(contents))
    assert len(contents) > 80
    with domain.reader() as reader:
        for place in places:
            with suppress(DomainError):
                reader.sysvol.delete_file(rf"{journals(domain)}\{place}")
    domain.present(domain.name("Closes the folder again"), settings={GUEST: False})


GPT_INIS = (b"", b"\xff\xfe[", b"[General]\r\n", b"[General]\r\nVersion=-1\r\n", b"[General]\r\nVersion=4294967295\r\n")


def test_forged_gpt_ini_and_locks_stay_within_their_gpo(domain: Domain, sids: dict[str, str]) -> None:
    """Who may edit one GPO writes anything into its GPT.INI and leaves locks behind; nothing else changes for it."""
    unit = domain.unit()
    edited, other = domain.name("Edited by the attacker"), domain.name("Not theirs")
    guid = domain.present(edited, settings={GUEST: False}, links=[unit]).after["guid"]
    domain.present(other, settings={GUEST: False}, links=[unit])
    delegate(domain, sids, guid, unit)
    mine = domain.name("Administrator's own")
    domain.present(mine, settings={GUEST: False})

    def others() -> dict[str, Any]:
        return {name: value for name, value in outside(domain).items() if guid.lower() not in name.lower()}

    before = others()
    for number, content in enumerate(GPT_INIS):
        with domain.reader(**account(domain, "editor")) as reader:
            reader.sysvol.replace(rf"{reader.folder(guid)}\GPT.INI", content)
            with suppress(DomainError):
                reader.sysvol.replace(rf"{journals(domain)}\{guid}.lock", b"someone else")
        with domain.reader() as reader, suppress(SmbGuestError):
            wanted = DesiredGpo(edited, {GUEST: number % 2 == 0})
            DomainChanges(reader).make_true(edited, wanted, GpoTerms())
        administer(domain, mine, [other])
        assert others() == before, content
    domain.absent(edited)


def test_denied_revert_of_a_member_is_not_carried_out_by_an_administrator(domain: Domain, sids: dict[str, str]) -> None:
    """The member created a GPO and lost the right to link it: his revert stays his."""
    name, unit = domain.name("Member's"), domain.unit()
    with domain.reader(**account(domain, "forger")) as reader:
        created = DomainChanges(reader).make_true(name, DesiredGpo(name, {GUEST: False}), GpoTerms())
    guid = created.after["guid"]
    domain.present(name, links=[unit])
    before = outside(domain)
    assert created.entry
    with domain.reader(**account(domain, "forger")) as reader, pytest.raises(MissingRight):
        DomainChanges(reader).revert(guid, created.entry.change_id, force=True)
    assert outside(domain) == before
    outcome = domain.present(name, links=[unit])
    assert not outcome.changed
    assert outside(domain) == before
    with domain.reader() as reader:
        changes = DomainChanges(reader)
        with pytest.raises(RequestError, match="was made by another account"):
            chosen(list(changes.journals()), {**NEVER, "change_id": created.entry.change_id})


def test_interrupted_run_of_another_account_is_left_alone(domain: Domain, sids: dict[str, str]) -> None:
    """An administrator's run was killed; the member's next run on the same GPO neither finishes nor undoes it."""
    name = domain.name("Killed")
    guid = domain.present(name, settings={GUEST: False}).after["guid"]
    domain.fresh = True
    try:
        with fault("killed", 30), suppress(Killed):
            domain.present(name, settings={GUEST: True, SIGNING: True})
    finally:
        domain.fresh = False
    path = rf"{journals(domain)}\{guid}.{ADMINISTRATORS}.json"
    with domain.reader() as reader:
        unfinished = reader.sysvol.read(path)
    assert unfinished
    assert b'"pending"' in unfinished
    with domain.reader(**account(domain, "forger")) as reader, suppress(SmbGuestError):
        DomainChanges(reader).make_true(name, DesiredGpo(name, {GUEST: False}), GpoTerms())
    with domain.reader() as reader:
        assert reader.sysvol.read(path) == unfinished
    other = domain.name("Other")
    assert domain.present(other, settings={GUEST: False}).changed  # one GPO blocks no other
    assert domain.present(name, settings={GUEST: True}).after["settings"] == {GUEST: "allowed"}
    with domain.reader() as reader:
        assert b'"pending"' not in (reader.sysvol.read(path) or b"")


def test_exchanged_files_of_a_deleted_gpo_are_not_restored(domain: Domain, sids: dict[str, str]) -> None:
    name = domain.name("Kept aside")
    guid = domain.present(name, settings={GUEST: False, SIGNING: True}).after["guid"]
    gone = domain.absent(name)
    assert gone.entry
    kept = domain.folder("winops.smb_guest") / gone.entry.kept_in / "Machine" / "Registry.pol"
    good = kept.read_bytes()
    kept.write_bytes(good[:-4] + b"\1\0]\0")
    before = outside(domain)
    with pytest.raises(RequestError, match="are not those that were deleted"):
        domain.revert(gone)
    assert outside(domain) == before
    kept.write_bytes(good)
    assert domain.revert(gone).after["guid"] == guid
    domain.dc.tool("gpo", "aclcheck")


def test_folder_of_somebody_else_is_refused_and_an_administrator_mends_it(domain: Domain, sids: dict[str, str]) -> None:
    with domain.reader() as reader:
        held = SecurityDescriptor.parse(reader.sysvol.security(journals(domain)))
        theirs = replace(held, owner=sids["editor"])
        reader.sysvol.set_security(journals(domain), theirs.to_bytes(), owner=True)
    name = domain.name("Member's own")
    with (
        domain.reader(**account(domain, "forger")) as reader,
        pytest.raises(DomainError, match="is not safe for journals: its owner is"),
    ):
        DomainChanges(reader).make_true(name, DesiredGpo(name, {GUEST: False}), GpoTerms())
    assert domain.present(domain.name("Administrator's"), settings={GUEST: False}).changed
    with domain.reader(**account(domain, "forger")) as reader:
        assert DomainChanges(reader).make_true(name, DesiredGpo(name, {GUEST: False}), GpoTerms()).changed
    domain.absent(name)


def test_an_account_works_with_its_own_journal(domain: Domain, sids: dict[str, str]) -> None:
    """Protection costs nobody what is theirs: a member creates, edits, reverts and deletes."""
    name = domain.name("All mine")
    with domain.reader(**account(domain, "forger")) as reader:
        changes = DomainChanges(reader)
        made = changes.make_true(name, DesiredGpo(name, {GUEST: False}), GpoTerms())
        edited = changes.make_true(name, DesiredGpo(name, {GUEST: True}), GpoTerms())
        assert edited.entry
        undone = changes.revert(made.after["guid"], edited.entry.change_id, force=False)
        assert undone.after["settings"] == {GUEST: "blocked"}
        gone = changes.make_absent(name, GpoTerms())
        assert gone.entry
        back = changes.revert(made.after["guid"], gone.entry.change_id, force=False)
        assert back.after == gone.before
        changes.make_absent(name, GpoTerms())
