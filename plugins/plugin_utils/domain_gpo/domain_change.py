# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Changes of domain GPOs as transactions: lock, recover, journal, write, read back, sign off.

One change of a GPO at a time is under way, on the domain controller that all runs should name (the PDC emulator).
Before the first write the journal says what was found. What an interrupted run of the same account left of this GPO
is rolled back or finished before anything else is done. Where somebody else was faster, everything is read and planned
once more.
"""

from __future__ import annotations

import socket
import uuid
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

from ..core.errors import HostState, RequestError, SmbGuestError, UnexpectedState
from ..core.stack import ChangeStatus
from ..domain.errors import DomainError, NotFound, Raced, clean
from .gpo_cells import SECURITY, SHELL, cell
from .gpo_desired import DesiredGpo, cells_between, described, fulfil, link_cells, new_gpo, predicted, versions_disagree
from .gpo_journal import GpoChange, GpoChangeKind, GpoJournal, now
from .gpo_outcome import GpoOutcome, GpoTerms
from .gpo_reader import GpoReader, as_guid
from .gpo_revert import TRIES, GpoRevert, check_written
from .gpo_rights import RightsCheck
from .gpo_state import DEFAULT_POLICIES, GpoState
from .gpo_writer import GpoWriter, kept_of, new_kept_in, without_links
from .journal_store import JournalFile, JournalStore


class DomainChanges:
    """Changes GPOs and reverts changes of one domain through one controller."""

    def __init__(self, reader: GpoReader, *, check_mode: bool = False, allow_default_policies: bool = False) -> None:
        self._reader, self._check_mode = reader, check_mode
        self._allow_default_policies = allow_default_policies
        self._store = JournalStore(reader.directory, reader.sysvol, reader.policies_folder)
        self._writer = GpoWriter(reader, self._store.folder)
        self.warnings: list[str] = []
        self._rights = RightsCheck(reader, self._store.folder)
        self._revert = GpoRevert(reader, self._store, self._writer, self.warnings)
        self._predicted: dict[str, tuple[GpoJournal, GpoState, bool]] = {}

    # What the modules ask for

    def make_true(self, gpo: str, desired_settings: DesiredGpo, terms: GpoTerms) -> GpoOutcome:
        """Make a GPO exist with the desired settings. Raises SmbGuestError."""
        targets = [link.target for link in desired_settings.links]

        new_guid = "{" + str(uuid.uuid4()).upper() + "}"

        def plan() -> tuple[GpoState, GpoState]:
            container = self._reader.find(gpo)
            if container is None and as_guid(gpo):
                raise RequestError(f"The domain has no GPO {gpo}. Give a name to make a new one.")
            guid = container.guid if container else new_guid
            self._refuse_default_policies(guid)
            found = self._reader.state(guid, targets)
            start = found
            if not found.exists:
                path = self._reader.unc(guid)
                start = new_gpo(guid, desired_settings.name, path, self._reader.directory.domain_dn, found.links)
            return found, fulfil(start, desired_settings, self._reader.directory.domain_dn)

        return self._change(
            plan, terms, lambda found: fulfil(found, desired_settings, self._reader.directory.domain_dn)
        )

    def make_absent(self, gpo: str, terms: GpoTerms) -> GpoOutcome:
        """Delete a GPO: unlinked, its objects deleted, its files kept aside. Raises SmbGuestError."""

        def plan() -> tuple[GpoState, GpoState]:
            container = self._reader.find(gpo)
            if container is None:
                if not self._check_mode:
                    self._store.tidy()  # a run that was killed when it had deleted the GPO left nothing else
                return GpoState(""), GpoState("")
            self._refuse_default_policies(container.guid)
            self._writer.refuse_if_it_holds_more(container.guid)
            return self._reader.state(container.guid, []), GpoState(container.guid)

        return self._change(plan, terms, None)

    def journals(self) -> Iterable[JournalFile]:
        """The journals of all accounts; `is_own` tells those whose changes this one may revert. Raises DomainError."""
        return self._store.files()

    def revert(self, guid: str, change_id: str, *, force: bool) -> GpoOutcome:
        """Revert one standing change of this account.

        Raises RequestError where somebody changed what it wrote, DomainError.
        """
        if self._check_mode:
            return self._predict_revert(guid, change_id, force=force)
        journal, entry = self._journaled(guid, change_id)
        found, _wanted = self._revert.plan(journal, entry, force=force)
        with ExitStack() as locks:
            if entry.kind is GpoChangeKind.DELETE:
                locks.enter_context(self._store.locked_name(journal.name))
            locks.enter_context(self._store.locked(guid))
            self._revert.recover(guid, force=force)
            journal, entry = self._journaled(guid, change_id)
            if entry.status.is_open:  # else it was unfinished, and recovering has just finished its revert
                found, _wanted = self._revert.plan(journal, entry, force=force)
                kept_in = new_kept_in(guid) if entry.kind is GpoChangeKind.CREATE else entry.kept_in
                entry = replace(entry, status=ChangeStatus.REVERTING, kept_in=kept_in)
                journal = journal.with_entry(entry)
                self._store.begin(journal)
                self._revert.finish(journal, ChangeStatus.REVERTED, "reverted by a run", force=force)
                entry = replace(entry, status=ChangeStatus.REVERTED)
        after = described(self._reader.state(guid, list(found.links)))
        return GpoOutcome(True, described(found), after, entry, None, self.warnings)

    def _predict_revert(self, guid: str, change_id: str, *, force: bool) -> GpoOutcome:
        """What a revert would do after those that were predicted before: each lies on what the one before leaves."""
        journal, state, restored = self._predicted.get(guid, (None, None, False))
        journal = journal or self._store.journal(guid)
        entry = _named(journal, change_id)
        found, wanted = self._revert.plan(journal, entry, force=force, predicted=state)
        if not restored:  # else there is nothing yet to have rights on
            self._rights.check(found, wanted)
        restored = restored or entry.kind is GpoChangeKind.DELETE
        journal = journal.with_entry(replace(entry, status=ChangeStatus.REVERTED))
        if found.exists:
            wanted = predicted(found, wanted)
        if wanted.container:
            journal = replace(journal, version=wanted.container.version.number)
        self._predicted[guid] = journal, wanted, restored
        return GpoOutcome(True, described(found), described(wanted), entry, None, self.warnings)

    def _journaled(self, guid: str, change_id: str) -> tuple[GpoJournal, GpoChange]:
        """Raises RequestError for a change that the journal of this account does not have."""
        journal = self._store.journal(guid)
        return journal, _named(journal, change_id)

    # One change

    def _change(
        self,
        plan: Callable[[], tuple[GpoState, GpoState]],
        terms: GpoTerms,
        again: Callable[[GpoState], GpoState] | None,
    ) -> GpoOutcome:
        """plan: what is found and what is wanted. again: what is wanted of a GPO that somebody else changed."""
        found, wanted = plan()
        unfinished = self._store.journal(found.guid).unfinished if found.exists else None
        if not self._differs(found, wanted) and not unfinished:
            return GpoOutcome(False, described(found), described(found), None, found, self.warnings)
        self._refuse_without_name(wanted)
        if not unfinished:
            self._refuse_without_folder(found, wanted)
        if self._check_mode:
            if unfinished:
                self.warnings.append(
                    f"The change {unfinished.change_id} of the GPO {clean(found.name)} was interrupted or is under "
                    "way; a run would finish it first."
                )
            return self._prediction(found, wanted)
        for _attempt in range(TRIES):
            with ExitStack() as locks:
                found, wanted, is_locked = self._locked(locks, found, wanted, plan)
                if not self._differs(found, wanted):
                    return GpoOutcome(False, described(found), described(found), None, found, self.warnings)
                if is_locked:
                    self._refuse_without_folder(found, wanted)
                    return self._journal_and_carry_out(found, wanted, terms, again)
        raise DomainError(
            f"Other runs make and delete the GPO {clean(wanted.name or found.name)} at the same time. Run the task "
            "again.",
            host_state=HostState.NOTHING_WRITTEN,
        )

    def _prediction(self, found: GpoState, wanted: GpoState) -> GpoOutcome:
        """What check mode answers. A GPO that is still to be made has no GUID yet: the run draws one."""
        if self._differs(found, wanted):
            self._rights.check(found, wanted)
        wanted = predicted(found, wanted)
        after = described(wanted)
        if after and not found.exists:
            after["guid"] = None
        return GpoOutcome(self._differs(found, wanted), described(found), after, None, wanted, self.warnings)

    def _locked(
        self, locks: ExitStack, found: GpoState, wanted: GpoState, plan: Callable[[], tuple[GpoState, GpoState]]
    ) -> tuple[GpoState, GpoState, bool]:
        """Lock the GPO, see to an interrupted change of it, and plan again.

        The third value: whether the GPO that is planned now is the one that is locked. It is not where recovering took
        an unfinished new GPO away, or where another run was faster.
        """
        if not found.exists:
            locks.enter_context(self._store.locked_name(wanted.name))
            self._store.tidy()  # a run that was killed before it made a GPO left nothing else
            found, wanted = plan()
        guid = found.guid or wanted.guid
        locks.enter_context(self._store.locked(guid))
        if found.exists:
            self._revert.recover(guid)
            found, wanted = plan()
        return found, wanted, guid in (found.guid, wanted.guid)

    def _journal_and_carry_out(
        self, found: GpoState, wanted: GpoState, terms: GpoTerms, again: Callable[[GpoState], GpoState] | None
    ) -> GpoOutcome:
        journal, entry = self._entry(found, wanted, terms)
        self.warnings += filter(None, [journal.fullness_warning()])
        self._store.begin(journal)
        try:
            journal, after = self._carry_out(journal, entry, found, wanted, again)
        except SmbGuestError as error:
            self._take_back(found.guid or wanted.guid, error)
            raise
        self._store.write(journal)
        return GpoOutcome(True, described(found), described(after), journal.get(entry.change_id), after, self.warnings)

    def _carry_out(
        self,
        journal: GpoJournal,
        entry: GpoChange,
        found: GpoState,
        wanted: GpoState,
        again: Callable[[GpoState], GpoState] | None,
    ) -> tuple[GpoJournal, GpoState]:
        """Write and read back; once more from a fresh read where somebody else was faster."""
        if entry.kind is GpoChangeKind.DELETE:
            self._writer.delete(found, entry.kept_in)
            return self._signed_off(journal, entry, GpoState(found.guid)), GpoState(found.guid)
        if entry.kind is GpoChangeKind.CREATE:
            self._writer.create(wanted.guid, wanted.name)
            found = self._reader.state(wanted.guid, list(wanted.links))
            wanted = again(found) if again else wanted
            journal, entry = self._widened(journal, entry, found, wanted)
        raced = False
        for attempt in range(TRIES):
            try:
                self._writer.write(found, wanted, new_version=raced or versions_disagree(found))
                after = self._reader.state(wanted.guid, list(wanted.links))
                check_written(after, wanted)
                return self._signed_off(journal, entry, after), after
            except (Raced, UnexpectedState) as error:
                if attempt + 1 == TRIES or again is None:
                    raise DomainError(
                        f"Somebody else changes the GPO {clean(wanted.name)} at the same time, twice in a row: {error} "
                        "Run the task again when the editor is closed."
                    ) from error
                raced = True
                found = self._reader.state(wanted.guid, list(wanted.links))
                wanted = again(found)
                journal, entry = self._widened(journal, entry, found, wanted)
        raise AssertionError("the last try returns or raises")

    def _widened(
        self, journal: GpoJournal, entry: GpoChange, found: GpoState, wanted: GpoState
    ) -> tuple[GpoJournal, GpoChange]:
        """The journal before a second try: what somebody else wrote meanwhile is what the change found."""
        cells: dict[str, dict[str, Any]] = {name: dict(value) for name, value in entry.cells.items()}
        for name, value in cells_between(found, wanted).items():
            held = cells.get(name)
            if held is None:
                cells[name] = value
            elif name != SHELL and not cell(name).same(value["found"], held["written"]):
                held.update(value)
        ordered = {name: cells[name] for name in sorted(cells, key=lambda name: name == SHELL)}
        cells = journal.without(entry).with_over(ordered)
        if cells == entry.cells:
            return journal, entry
        entry = replace(entry, cells=cells, targets={**entry.targets, **found.targets})
        journal = journal.with_entry(entry)
        self._store.write(journal)
        return journal, entry

    def _differs(self, found: GpoState, wanted: GpoState) -> bool:
        if found.exists != wanted.exists:
            return True
        return wanted.exists and (versions_disagree(found) or bool(cells_between(found, wanted)))

    def _refuse_default_policies(self, guid: str) -> None:
        """Raises RequestError for the two GPOs that every domain has, unless the task allows them."""
        if guid in DEFAULT_POLICIES and not self._allow_default_policies:
            raise RequestError(
                f"{DEFAULT_POLICIES[guid]} is not changed without allow_default_policies: true. A GPO of its own can "
                f"be unlinked without harm."
            )

    def _refuse_without_folder(self, found: GpoState, wanted: GpoState) -> None:
        """Raises DomainError for a GPO whose directory object has no folder in SYSVOL, unless it is to be deleted."""
        if not (found.exists and wanted.exists) or found.files.gpt_ini is not None:
            return
        folder = self._reader.folder(found.guid)
        try:
            self._reader.sysvol.security(folder)
        except NotFound as error:
            raise DomainError(
                f"The GPO {clean(found.name)} ({found.guid}) has no folder {folder} in SYSVOL. Wait for replication if "
                f"it was made a short while ago; else delete it with state: absent and make it anew.",
                host_state=HostState.NOTHING_WRITTEN,
            ) from error

    @staticmethod
    def _refuse_without_name(wanted: GpoState) -> None:
        if wanted.exists and not wanted.name.strip():
            raise RequestError("A GPO needs a name: say it in the option gpo.")

    def _entry(self, found: GpoState, wanted: GpoState, terms: GpoTerms) -> tuple[GpoJournal, GpoChange]:
        """The journal with the entry of a change that begins."""
        guid = found.guid or wanted.guid
        journal = self._store.journal(guid).renamed({target: dn for dn, target in found.targets.items()})
        change_id = terms.change_id or now().replace("-", "").replace(":", "")[:15] + "Z-" + uuid.uuid4().hex[:6]
        if journal.get(change_id):
            raise RequestError(f"The change_id {change_id} was used for this GPO before. Say another one, or none.")
        entry = GpoChange(
            change_id,
            GpoChangeKind.EDIT,
            ChangeStatus.PENDING,
            reason=terms.reason,
            created_at=now(),
            controller=socket.gethostname(),
            account=self._reader.directory.controller.account,
            version_found=found.container.version.number if found.container else 0,
            targets=found.targets,
        )
        if not found.exists:
            entry = replace(entry, kind=GpoChangeKind.CREATE)
        elif not wanted.exists:
            entry = replace(
                entry,
                kind=GpoChangeKind.DELETE,
                cells=journal.with_over(link_cells(found, without_links(found))),
                gpo=kept_of(found, cell(SECURITY).now(found)),
                files=self._writer.digests(self._reader.folder(guid)),
                kept_in=new_kept_in(guid),
            )
        else:
            entry = replace(entry, cells=journal.with_over(cells_between(found, wanted)))
        name = found.name or wanted.name
        return replace(journal, name=name).with_entry(entry), entry

    @staticmethod
    def _signed_off(journal: GpoJournal, entry: GpoChange, after: GpoState) -> GpoJournal:
        """The journal with the entry applied, and with the version that the GPO has now."""
        version = after.container.version.number if after.container else journal.version
        return replace(journal, version=version).with_entry(replace(entry, status=ChangeStatus.APPLIED))

    def _take_back(self, guid: str, error: SmbGuestError) -> None:
        """After a failure: roll everything back at once; what cannot be is left for the next run, with a remark."""
        try:
            self._revert.recover(guid)
        except DomainError as second:
            error.remark(
                f"Restoring the GPO {guid} failed as well ({clean(second)}); the next run of this module or of "
                "domain_policy_revert deals with it first."
            )
            error.left(HostState.PARTLY_WRITTEN)
            return
        if error.host_state is not HostState.NOTHING_WRITTEN:
            error.left(HostState.RESTORED)


def _named(journal: GpoJournal, change_id: str) -> GpoChange:
    """Raises RequestError for a change that the journal of this account does not have."""
    entry = journal.get(change_id)
    if entry is None:
        raise RequestError(f"The GPO {journal.guid} has no change {clean(change_id)} of this account.")
    return entry
