# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Changes of domain GPOs as transactions: hold, recover, journal, write, read back, sign off; and their undoing.

One change at a time is under way in a domain, on the controller that all runs should name (the PDC emulator). Before
the first write the journal says what was found. What was cut off is taken back before anything else is done; an undoing
that was cut off is finished. Where somebody else was faster, everything is read and planned once more.
"""

from __future__ import annotations

import socket
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ..core.errors import NOTHING_WRITTEN, RequestError, SmbGuestError, UnexpectedState
from ..domain.errors import DomainError, Raced, said
from .domain_gpo import DEFAULT_POLICIES, GpoReader, GpoState, as_guid
from .gpo_cells import SECURITY, SHELL, cell
from .gpo_journal import GpoChange, GpoChangeKind, GpoJournal, GpoStatus, now
from .gpo_wishes import Wishes, cells_between, described, fulfil, new_gpo
from .gpo_writer import GpoWriter, kept_container, kept_of, without_links
from .journal_store import JournalStore

_TRIES = 2


@dataclass
class GpoOutcome:
    """What a run did, or in check mode would do. before and after: the GPO in words; empty where there is none."""

    changed: bool
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    entry: GpoChange | None = None
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class GpoTerms:
    """What goes into the journal with a change."""

    change_id: str | None = None
    reason: str = ""


class DomainChanges:
    """Changes and undoes GPOs of one domain through one controller."""

    def __init__(self, reader: GpoReader, *, check_mode: bool = False, allow_default_policies: bool = False) -> None:
        self._reader, self._check_mode = reader, check_mode
        self._allow_default_policies = allow_default_policies
        self._store = JournalStore(reader.sysvol, reader.policies_folder)
        self._writer = GpoWriter(reader, self._store.folder)
        self.warnings: list[str] = []

    # What the modules ask for

    def make_true(self, gpo: str, wishes: Wishes, terms: GpoTerms) -> GpoOutcome:
        """Let a GPO exist and be as wished. Raises SmbGuestError."""
        targets = [link.target for link in wishes.links]

        def plan() -> tuple[GpoState, GpoState]:
            container = self._reader.find(gpo)
            if container is None and as_guid(gpo):
                raise RequestError(f"The domain has no GPO {gpo}. Give a name to make a new one. {NOTHING_WRITTEN}")
            guid = container.guid if container else "{" + str(uuid.uuid4()).upper() + "}"
            self._refuse_default_policies(guid)
            found = self._reader.state(guid, targets)
            start = found
            if not found.exists:
                path = self._reader.unc(guid)
                start = new_gpo(guid, wishes.name, path, self._reader.directory.domain_dn, found.links)
            return found, fulfil(start, wishes, self._reader.directory.domain_dn)

        return self._change(plan, terms, lambda found: fulfil(found, wishes, self._reader.directory.domain_dn))

    def make_absent(self, gpo: str, terms: GpoTerms) -> GpoOutcome:
        """Let a GPO not exist: unlinked, its objects deleted, its files kept aside. Raises SmbGuestError."""

        def plan() -> tuple[GpoState, GpoState]:
            container = self._reader.find(gpo)
            if container is None:
                return GpoState(""), GpoState("")
            self._refuse_default_policies(container.guid)
            self._writer.refuse_if_it_holds_more(container.guid)
            return self._reader.state(container.guid, []), GpoState(container.guid)

        return self._change(plan, terms, None)

    def journals(self) -> Iterator[GpoJournal]:
        """The journal of every GPO that has one. Raises DomainError."""
        return self._store.journals()

    def revert(self, guid: str, change_id: str, *, force: bool) -> GpoOutcome:
        """Undo one standing change. Raises RequestError where somebody changed what it wrote, DomainError."""
        journal = self._store.journal(guid)
        entry = next(each for each in journal.entries if each.change_id == change_id)
        found, wanted = self._undone(journal, entry, force=force)
        if self._check_mode:
            return GpoOutcome(True, described(found), described(wanted), entry, self.warnings)
        with self._store.held():
            self._recover()
            journal = self._store.journal(guid)
            entry = next(each for each in journal.entries if each.change_id == change_id)
            if not entry.status.stands:  # recovering has just finished its undoing
                after = described(self._reader.state(guid, list(found.links)))
                return GpoOutcome(True, described(found), after, entry, self.warnings)
            found, wanted = self._undone(journal, entry, force=force)
            journal = journal.taken_out(entry)
            self._store.begin(journal)
            self._finish_undoing(journal, GpoStatus.REVERTED, "undone by a run")
        after = described(self._reader.state(guid, list(found.links)))
        return GpoOutcome(True, described(found), after, replace(entry, status=GpoStatus.REVERTED), self.warnings)

    # One change

    def _change(
        self,
        plan: Callable[[], tuple[GpoState, GpoState]],
        terms: GpoTerms,
        again: Callable[[GpoState], GpoState] | None,
    ) -> GpoOutcome:
        """plan: what is found and what is wanted. again: what is wanted of a GPO that somebody else changed."""
        found, wanted = plan()
        pending = self._store.pending()
        if not self._differs(found, wanted) and not pending:
            return GpoOutcome(False, described(found), described(found), None, self.warnings)
        self._refuse_without_name(wanted)
        if self._check_mode:
            if pending:
                self.warnings.append(
                    f"A change of the GPO {pending} was cut off or is under way; a run would see to it."
                )
            return GpoOutcome(self._differs(found, wanted), described(found), described(wanted), None, self.warnings)
        with self._store.held():
            self._recover()
            found, wanted = plan()
            if not self._differs(found, wanted):
                return GpoOutcome(False, described(found), described(found), None, self.warnings)
            journal, entry = self._entry(found, wanted, terms)
            self._store.begin(journal)
            try:
                after = self._carry_out(journal, entry, found, wanted, again)
            except SmbGuestError as error:
                self._take_back(found.guid or wanted.guid, error)
                raise
            self._store.end(after[0])
        return GpoOutcome(True, described(found), described(after[1]), after[0].entries[-1], self.warnings)

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
            self._writer.delete(found)
            return self._signed_off(journal, entry, GpoState(found.guid)), GpoState(found.guid)
        if entry.kind is GpoChangeKind.CREATE:
            self._writer.create(wanted.guid, wanted.name)
            found = self._reader.state(wanted.guid, list(wanted.links))
            wanted = again(found) if again else wanted
            journal, entry = self._widened(journal, entry, found, wanted)
        raced = False
        for attempt in range(_TRIES):
            try:
                self._writer.write(found, wanted, new_version=raced or self._disagrees(found))
                after = self._reader.state(wanted.guid, list(wanted.links))
                self._check_written(after, wanted)
                return self._signed_off(journal, entry, after), after
            except (Raced, UnexpectedState) as error:
                if attempt + 1 == _TRIES or again is None:
                    raise DomainError(
                        f"Somebody else changes the GPO {said(wanted.name)} at the same time, twice in a row: {error} "
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
        cells = {name: dict(value) for name, value in entry.cells.items()}
        for name, value in cells_between(found, wanted).items():
            held = cells.get(name)
            if held is None:
                cells[name] = value
            elif name != SHELL and not cell(name).same(value["found"], held["written"]):
                held.update(value)
        cells = {name: cells[name] for name in sorted(cells, key=lambda name: name == SHELL)}
        if cells == entry.cells:
            return journal, entry
        entry = replace(entry, cells=cells)
        journal = journal.with_entry(entry)
        self._store.write(journal)
        return journal, entry

    def _check_written(self, after: GpoState, wanted: GpoState) -> None:
        """Raises UnexpectedState where the GPO does not hold what was written."""
        for name, value in cells_between(after, wanted).items():
            if not cell(name).same(value["found"], value["written"]):
                raise UnexpectedState(f"{name} of the GPO {said(wanted.name)} is not what was just written.")
        if self._disagrees(after):
            raise UnexpectedState(f"LDAP and GPT.INI have different versions of the GPO {said(wanted.name)}.")

    @staticmethod
    def _disagrees(state: GpoState) -> bool:
        """Whether the versions in LDAP and GPT.INI differ: a cut-off write, or replication that is still under way."""
        return state.container is not None and state.files.version != state.container.version

    def _differs(self, found: GpoState, wanted: GpoState) -> bool:
        if found.exists != wanted.exists:
            return True
        return wanted.exists and (bool(cells_between(found, wanted)) or self._disagrees(found))

    def _refuse_default_policies(self, guid: str) -> None:
        """Raises RequestError for the two GPOs that every domain has, unless the task allows them."""
        if guid in DEFAULT_POLICIES and not self._allow_default_policies:
            raise RequestError(
                f"{DEFAULT_POLICIES[guid]} is not changed without allow_default_policies: true. A GPO of its own can "
                f"be unlinked without harm. {NOTHING_WRITTEN}"
            )

    @staticmethod
    def _refuse_without_name(wanted: GpoState) -> None:
        if wanted.exists and not wanted.name.strip():
            raise RequestError(f"A GPO needs a name: say it in the option gpo. {NOTHING_WRITTEN}")

    def _entry(self, found: GpoState, wanted: GpoState, terms: GpoTerms) -> tuple[GpoJournal, GpoChange]:
        """The journal with the entry of a change that begins."""
        guid = found.guid or wanted.guid
        journal = self._store.journal(guid)
        change_id = terms.change_id or now().replace("-", "").replace(":", "")[:15] + "Z-" + uuid.uuid4().hex[:6]
        if any(each.change_id == change_id for each in journal.entries):
            raise RequestError(
                f"The change_id {change_id} was used for this GPO before. Say another one, or none. {NOTHING_WRITTEN}"
            )
        kind = (
            GpoChangeKind.EDIT
            if found.exists and wanted.exists
            else GpoChangeKind.CREATE
            if wanted.exists
            else GpoChangeKind.DELETE
        )
        security = cell(SECURITY).now(found)
        links = without_links(found)
        entry = GpoChange(
            change_id,
            kind,
            GpoStatus.PENDING,
            cells=cells_between(found, links if kind is GpoChangeKind.DELETE else wanted)
            if kind is not GpoChangeKind.CREATE
            else {},
            gpo=kept_of(found, security) if kind is GpoChangeKind.DELETE else {},
            reason=terms.reason,
            created_at=now(),
            controller=socket.gethostname(),
            account=self._reader.directory.controller.account,
            version_found=found.container.version.number if found.container else 0,
        )
        name = found.name or wanted.name
        return replace(journal, name=name).with_entry(entry), entry

    @staticmethod
    def _signed_off(journal: GpoJournal, entry: GpoChange, after: GpoState) -> GpoJournal:
        """The journal with the entry applied, and with the version that the GPO has now."""
        version = after.container.version.number if after.container else journal.version
        return replace(journal, version=version).with_entry(replace(entry, status=GpoStatus.APPLIED))

    # Undoing

    def _undone(self, journal: GpoJournal, entry: GpoChange, *, force: bool) -> tuple[GpoState, GpoState]:
        """The GPO as it is, and as it is without a change. Raises RequestError where that cannot be said."""
        names = [name.removeprefix("link:") for name in entry.cells if name.startswith("link:")]
        found = self._reader.state(journal.guid, [])
        found = self._with_targets(found, names)
        above = journal.above(entry)
        if entry.kind is not GpoChangeKind.EDIT and above:
            listed = ", ".join(each.change_id for each in above)
            raise RequestError(
                f"{entry.change_id} cannot be undone while newer changes of the same GPO stand on it: {listed}. Undo "
                f"those first, or say all: true. {NOTHING_WRITTEN}"
            )
        if entry.kind is GpoChangeKind.DELETE:
            self._refuse_second_of_name(journal)
            return found, self._with_cells(self._deleted(found, entry), entry, set())
        if not found.exists and not (entry.kind is GpoChangeKind.CREATE or force):
            raise RequestError(
                f"The GPO {said(journal.name)} of {entry.change_id} does not exist any more, and this collection did "
                f"not delete it. With force: true the change is signed off as undone. {NOTHING_WRITTEN}"
            )
        if entry.kind is GpoChangeKind.CREATE:
            self._refuse_foreign_edits(found, journal, entry, force=force)
            return found, GpoState(journal.guid)
        foreign = [
            name
            for name, value in entry.cells.items()
            if name not in journal.covered(entry)
            and not any(cell(name).same(cell(name).now(found), value[side]) for side in ("written", "found"))
        ]
        if foreign and not force:
            raise RequestError(
                f"Somebody changed {', '.join(map(said, foreign))} of the GPO {said(found.name)} since "
                f"{entry.change_id}. Undo it by hand, or with force: true. {NOTHING_WRITTEN}"
            )
        return found, self._with_cells(found, entry, journal.covered(entry))

    def _deleted(self, found: GpoState, entry: GpoChange) -> GpoState:
        """The GPO that a deletion took away, without its links."""
        container = kept_container(found.guid, f"CN={found.guid},{self._reader.policies_dn}", entry.gpo)
        return replace(found, container=container, files=self._reader.files_in(rf"{self._store.folder}\{found.guid}"))

    def _refuse_second_of_name(self, journal: GpoJournal) -> None:
        other = self._reader.find(journal.name)
        if other is not None and other.guid != journal.guid:
            raise RequestError(
                f"The domain has another GPO named {said(journal.name)} now ({other.guid}). Rename or delete that one "
                f"first. {NOTHING_WRITTEN}"
            )

    @staticmethod
    def _refuse_foreign_edits(found: GpoState, journal: GpoJournal, entry: GpoChange, *, force: bool) -> None:
        """Raises RequestError where a GPO that is to go again holds somebody else's work."""
        version = found.container.version.number if found.container else None
        if version not in (None, journal.version) and not force and entry.status is GpoStatus.APPLIED:
            raise RequestError(
                f"Somebody edited the GPO {said(found.name)} since {entry.change_id} made it (version {version}, not "
                f"{journal.version}). Delete it by hand, or with force: true. {NOTHING_WRITTEN}"
            )

    def _with_targets(self, found: GpoState, targets: list[str]) -> GpoState:
        """With the links of these containers too, as far as they are there still."""
        links = dict(found.links)
        for target in targets:
            entry = self._reader.directory.read(target, ["gPLink"])
            if entry is not None and not any(dn.casefold() == entry.dn.casefold() for dn in links):
                links[entry.dn] = entry.text("gPLink") or ""
        return replace(found, links=links)

    @staticmethod
    def _with_cells(state: GpoState, entry: GpoChange, covered: set[str]) -> GpoState:
        """The state with what the entry found, in every cell that still holds what it wrote."""
        known = {dn.casefold() for dn in state.links}
        for name, value in entry.cells.items():
            if name in covered or (name.startswith("link:") and name.removeprefix("link:").casefold() not in known):
                continue
            state = cell(name).put(state, value["found"], value["written"])
        return state

    def _finish_undoing(self, journal: GpoJournal, status: GpoStatus, note: str) -> None:
        """Put back what the cut-off or REVERTING entry of a journal found, and sign it off."""
        entry = journal.cut_off
        if entry is None:
            self._store.clear_pending()
            return
        found = self._with_targets(
            self._reader.state(journal.guid, []),
            [name.removeprefix("link:") for name in entry.cells if name.startswith("link:")],
        )
        if entry.kind is GpoChangeKind.CREATE:
            self._writer.delete(found)
            if status is GpoStatus.ROLLED_BACK:
                self._writer.discard(journal.guid)
        elif entry.kind is GpoChangeKind.DELETE:
            self._writer.restore(journal.guid, entry.gpo)
            found = self._with_targets(self._reader.state(journal.guid, []), list(found.links))
            journal = replace(journal, version=self._put_back(entry, found))
        elif found.exists:
            journal = replace(journal, version=self._put_back(entry, found))
        self._store.end(journal.with_entry(replace(entry, status=status, note=note)))

    def _put_back(self, entry: GpoChange, found: GpoState) -> int:
        """Carry the GPO to what the entry found, cells that somebody else changed since left alone if it was cut off.

        Reads back; returns the version. Raises UnexpectedState, Raced.
        """
        mine = {
            name: value
            for name, value in entry.cells.items()
            if entry.status is GpoStatus.REVERTING or cell(name).same(cell(name).now(found), value["written"])
        }
        wanted = self._with_cells(found, replace(entry, cells=mine), set())
        moved = found.container is not None and found.container.version.number != entry.version_found
        touched = any(name.startswith("setting:") for name in entry.cells)
        # A run that was cut off may have written files whose version no client has seen.
        anew = entry.kind is GpoChangeKind.EDIT and touched and (moved or found.files != wanted.files)
        self._writer.write(found, wanted, new_version=anew or self._disagrees(found))
        after = self._with_targets(self._reader.state(found.guid, []), list(found.links))
        self._check_written(after, wanted)
        return after.container.version.number if after.container else 0

    def _take_back(self, guid: str, error: SmbGuestError) -> None:
        """After a failure: put everything back at once; what cannot be is left for the next run, and said."""
        try:
            self._recover()
        except DomainError as second:
            words = (
                f"{error} Putting back what was written failed as well ({said(second)}); the next run of this module "
                f"or of domain_policy_revert sees to it first. The GPO is {guid}."
            )
            error.args = (words,)
            error.changed = True
            return
        if "Nothing was written" not in str(error):
            error.args = (f"{error} What was written has been put back.",)

    def _recover(self) -> None:
        """Deal with what a run that was cut off left. Held. Raises DomainError."""
        guid = self._store.pending()
        if not guid:
            return
        self._writer.tidy(guid)
        self._store.tidy()
        journal = self._store.journal(guid)
        entry = journal.cut_off
        if entry is None:
            self._store.clear_pending()
            return
        status = GpoStatus.REVERTED if entry.status is GpoStatus.REVERTING else GpoStatus.ROLLED_BACK
        for attempt in range(_TRIES):
            try:
                self._finish_undoing(journal, status, "it was cut off, and taken back by a later run")
                break
            except Raced:
                if attempt + 1 == _TRIES:
                    raise
        self.warnings.append(
            f"The change {entry.change_id} of the GPO {said(journal.name)} had been cut off; it is {status.value} now."
        )
