# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reverting one journaled change of a GPO, and finishing what an interrupted run of the same account left.

Both are planned from the GPO as it is now: a cell that somebody else changed since is refused, or with `force` given
up. What is restored comes from the account's own journal, and each kind of cell restores only what a change of it could
have written.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from ..core.errors import RequestError, UnexpectedState
from ..core.stack import ChangeStatus
from ..domain.distinguished_names import dn_key
from ..domain.errors import Raced, clean
from .gpo_cells import LINK, SECURITY, SETTING, Json, cell, decoded
from .gpo_desired import cells_between, versions_disagree
from .gpo_journal import GpoChange, GpoChangeKind, GpoJournal
from .gpo_reader import GpoReader, with_containers
from .gpo_state import GpoState, security_of
from .gpo_writer import GpoWriter, kept_container
from .journal_store import JournalStore

TRIES = 2
Cells = Mapping[str, Mapping[str, Json]]


def check_written(after: GpoState, wanted: GpoState) -> None:
    """Raises UnexpectedState where the GPO does not hold what was written."""
    for name, value in cells_between(after, wanted).items():
        if not cell(name).same(value["found"], value["written"]):
            raise UnexpectedState(f"{name} of the GPO {clean(wanted.name)} is not what was just written.")
    if versions_disagree(after):
        raise UnexpectedState(f"LDAP and GPT.INI have different versions of the GPO {clean(wanted.name)}.")


class GpoRevert:
    """Reverts changes of GPOs of one domain, one at a time, under the lock of the GPO."""

    def __init__(self, reader: GpoReader, store: JournalStore, writer: GpoWriter, warnings: list[str]) -> None:
        """warnings: where lines for the user are added."""
        self._reader, self._store, self._writer, self._warnings = reader, store, writer, warnings

    def plan(
        self, journal: GpoJournal, entry: GpoChange, *, force: bool, predicted: GpoState | None = None
    ) -> tuple[GpoState, GpoState]:
        """The GPO as it is, and as it is without a change. Raises RequestError where that is not known.

        predicted: The GPO as it would be by now, where check mode has reverted newer changes of it.
        """
        journal, entry, held = self._located(journal, entry)
        found = held if predicted is None else predicted
        above = journal.above(entry)
        if entry.kind is not GpoChangeKind.EDIT and above:
            listed = ", ".join(each.change_id for each in above)
            raise RequestError(
                f"{entry.change_id} cannot be reverted while newer changes of the same GPO stand on it: {listed}. "
                f"Revert those first, or say all: true."
            )
        if entry.kind is GpoChangeKind.DELETE:
            self._refuse_second_of_name(journal)
            if not force:
                self._refuse_changed_files(journal.guid, entry)
            return found, _restored(self._deleted(found, entry), entry, entry.cells)
        if not found.exists and not (entry.kind is GpoChangeKind.CREATE or force):
            raise RequestError(
                f"The GPO {clean(journal.name)} of {entry.change_id} does not exist any more, and this collection did "
                f"not delete it. With force: true the change is signed off as reverted."
            )
        if entry.kind is GpoChangeKind.CREATE:
            self._refuse_foreign_edits(held, journal, entry, force=force)
            return found, GpoState(journal.guid)
        cells = journal.to_restore(entry)
        self._refuse_foreign_values(found, entry, cells, force=force)
        self._warn_of_foreign_permissions(found, cells)
        return found, _restored(found, entry, cells)

    @staticmethod
    def _refuse_foreign_values(found: GpoState, entry: GpoChange, cells: Cells, *, force: bool) -> None:
        foreign = [
            name
            for name, value in cells.items()
            if not any(cell(name).same(cell(name).now(found), value[side]) for side in ("written", "found"))
        ]
        if foreign and not force:
            raise RequestError(
                f"Somebody changed {', '.join(map(clean, foreign))} of the GPO {clean(found.name)} since "
                f"{entry.change_id}. Undo it by hand, or with force: true."
            )

    def _warn_of_foreign_permissions(self, found: GpoState, cells: Cells) -> None:
        """Say which entries of the GPO's permissions are others than our change left; they stay."""
        value, container = cells.get(SECURITY), found.container
        if value is None or container is None or container.security is None or value["written"] is None:
            return
        held = security_of(container.security).dacl or ()
        left = security_of(decoded(value["written"])).dacl or ()
        sids = sorted({ace.sid for ace in set(held) ^ set(left)})
        if sids:
            self._warnings.append(
                f"Somebody changed the permissions of the GPO {clean(found.name)} for {', '.join(sids)} since. Those "
                "entries stay; only the security filter is reverted."
            )

    def _deleted(self, found: GpoState, entry: GpoChange) -> GpoState:
        """The GPO that a deletion took away, without its links."""
        container = kept_container(found.guid, f"CN={found.guid},{self._reader.policies_dn}", entry.gpo)
        files = self._reader.files_in(rf"{self._store.folder}\{entry.kept_in}")
        return replace(found, container=container, files=files)

    def _refuse_changed_files(self, guid: str, entry: GpoChange) -> None:
        kept = rf"{self._store.folder}\{entry.kept_in}"
        if self._writer.digests(kept) not in (entry.files, {}):  # {}: they are back already
            raise RequestError(
                f"The files of the deleted GPO {guid}, which are kept in {kept} in SYSVOL, are not those that were "
                f"deleted: somebody changed them. Look at them; with force: true they are restored as they are. "
            )

    def _refuse_second_of_name(self, journal: GpoJournal) -> None:
        other = self._reader.find(journal.name)
        if other is not None and other.guid != journal.guid:
            raise RequestError(
                f"The domain has another GPO named {clean(journal.name)} now ({other.guid}). Rename or delete that one "
                f"first."
            )

    @staticmethod
    def _refuse_foreign_edits(found: GpoState, journal: GpoJournal, entry: GpoChange, *, force: bool) -> None:
        """Raises RequestError where a GPO that is to go again holds somebody else's work."""
        version = found.container.version.number if found.container else None
        if version not in (None, journal.version) and not force and entry.status is ChangeStatus.APPLIED:
            raise RequestError(
                f"Somebody edited the GPO {clean(found.name)} since {entry.change_id} made it (version {version}, not "
                f"{journal.version}). Delete it by hand, or with force: true."
            )

    def _with_containers(self, found: GpoState, names: Iterable[str]) -> GpoState:
        """With the links of these containers too, as far as they are there still. names: DNs or `<GUID=...>`."""
        known = {dn_key(dn) for dn in found.links}
        entries = [self._reader.container(name) for name in names if dn_key(name) not in known]
        return with_containers(found, [entry for entry in entries if entry])

    def _located(self, journal: GpoJournal, entry: GpoChange) -> tuple[GpoJournal, GpoChange, GpoState]:
        """The journal and its entry with the present names of containers, and the GPO with the links there.

        A container that was renamed since is found by its objectGUID. One that was deleted is left out, even if another
        has its name by now.
        """
        found = self._reader.state(journal.guid, [])
        found = self._with_containers(found, [f"<GUID={guid}>" for guid in _missing_targets(entry, found)])
        journal = journal.renamed({guid: dn for dn, guid in found.targets.items()})
        return journal, journal.get(entry.change_id) or entry, found

    def finish(self, journal: GpoJournal, status: ChangeStatus, note: str, *, force: bool = False) -> None:
        """Restore what the unfinished change of a journal found, and sign it off with a status. Locked.

        Raises MissingRight, Raced, DomainError.
        """
        entry = journal.unfinished
        if entry is None:
            return
        journal, entry, found = self._located(journal, entry)
        if entry.kind is GpoChangeKind.CREATE:
            # A creation that failed leaves nothing; of a GPO that stood for a while the files are kept.
            self._writer.delete(found, entry.kept_in if status is ChangeStatus.REVERTED else "")
        elif entry.kind is GpoChangeKind.DELETE:
            self._writer.restore(journal.guid, entry, force=force)
            found = self._with_containers(self._reader.state(journal.guid, []), list(found.links))
            journal = replace(journal, version=self._restore_links(entry, found))
        elif found.exists:
            journal, entry = self._restore_cells(journal, entry, found)
        self._store.write(journal.with_entry(replace(entry, status=status, note=note)))

    def _restore_cells(self, journal: GpoJournal, entry: GpoChange, found: GpoState) -> tuple[GpoJournal, GpoChange]:
        """Write what lies below a change, and read it back.

        Of an interrupted change, cells that do not hold what it wrote are left alone: either it had not come so far, or
        somebody else has set them since. The entry remembers the latter.
        Raises UnexpectedState, Raced.
        """
        cells, left_alone = journal.to_restore(entry), list(entry.left_alone)
        if entry.status is not ChangeStatus.REVERTING:
            for name in list(cells):
                held, value = cell(name).now(found), cells[name]
                if not cell(name).same(held, value["written"]):
                    del cells[name]
                    if not cell(name).same(held, value["found"]):
                        left_alone.append(name)
        wanted = _restored(found, entry, cells)
        moved = found.container is not None and found.container.version.number != entry.version_found
        touched = any(name.startswith(SETTING) for name in entry.cells)
        # An interrupted run may have written files whose version no client has seen.
        anew = entry.kind is GpoChangeKind.EDIT and touched and (moved or found.files != wanted.files)
        self._writer.write(found, wanted, new_version=anew or versions_disagree(found))
        after = self._with_containers(self._reader.state(found.guid, []), list(found.links))
        check_written(after, wanted)
        version = after.container.version.number if after.container else 0
        return replace(journal, version=version), replace(entry, left_alone=tuple(left_alone))

    def _restore_links(self, entry: GpoChange, found: GpoState) -> int:
        """Link a restored GPO again; reads back and returns the version. Raises UnexpectedState, Raced."""
        wanted = _restored(found, entry, entry.cells)
        self._writer.write(found, wanted)
        after = self._with_containers(self._reader.state(found.guid, []), list(found.links))
        for name in entry.cells:
            if not cell(name).same(cell(name).now(after), cell(name).now(wanted)):
                raise UnexpectedState(f"{name} of the GPO {clean(wanted.name)} is not what was just written.")
        return after.container.version.number if after.container else 0

    def recover(self, guid: str, *, force: bool = False) -> None:
        """Finish or roll back the change of a GPO that an interrupted run of this account left. Locked.

        Raises MissingRight, DomainError.
        """
        journal = self._store.journal(guid)
        entry = journal.unfinished
        if entry is None:
            return
        self._writer.tidy(guid)
        self._store.tidy()
        status = ChangeStatus.REVERTED if entry.status is ChangeStatus.REVERTING else ChangeStatus.ROLLED_BACK
        for attempt in range(TRIES):
            try:
                self.finish(journal, status, "it was interrupted, and finished by a later run", force=force)
                break
            except Raced:
                if attempt + 1 == TRIES:
                    raise
        self._warnings.append(
            f"The change {entry.change_id} of the GPO {clean(journal.name)} had been interrupted; it is {status.value} "
            "now."
        )


def _missing_targets(entry: GpoChange, found: GpoState) -> list[str]:
    """The objectGUIDs of containers whose links a change wrote, and that are not known to link the GPO now."""
    written = [entry.targets[dn] for name in entry.cells if (dn := name.removeprefix(LINK)) in entry.targets]
    return [guid for guid in written if guid not in found.targets.values()]


def _restored(state: GpoState, entry: GpoChange, cells: Cells) -> GpoState:
    """The state with `found` in each of these cells. Raises DomainError for what no change could have written."""
    for name, value in cells.items():
        if name.startswith(LINK) and not _is_there(state, entry, name.removeprefix(LINK)):
            continue
        state = cell(name).put(state, value["found"], value["written"])
    return state


def _is_there(state: GpoState, entry: GpoChange, dn: str) -> bool:
    """Whether a container is still the one that a change linked."""
    return any(dn_key(each) == dn_key(dn) and guid == entry.targets.get(dn) for each, guid in state.targets.items())
