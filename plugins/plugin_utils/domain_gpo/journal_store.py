# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the journals of a domain's GPOs are, and who may change a GPO now: a folder of this collection in SYSVOL.

`<domain>\\Policies\\winops.smb_guest` holds for each GPO and account `{GUID}.<SID>.json`, the journal; for a GPO that
was deleted `{GUID}.<random>.files`, its folder; and while a run writes `{GUID}.lock`, which goes with its connection.
Whose files are believed: see `journal_trust`.
"""

from __future__ import annotations

import hashlib
import os
import re
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from ..core.errors import HostState, leaving
from ..domain.directory import Directory
from ..domain.errors import AlreadyThere, DomainError, MissingRight, NotFound, clean
from ..domain.rights import Right, needing
from ..domain.sysvol import BESIDE, InUse, Sysvol
from .gpo_journal import GpoJournal
from .journal_trust import JournalAccount, account_of, domain_sid, folder_for_journals, why_not_believed

FOLDER = "winops.smb_guest"
SECONDS_TO_WAIT = 30
_LOOK_AGAIN = 0.2
_FILE = re.compile(r"(?i)(\{[0-9A-F]{8}(?:-[0-9A-F]{4}){3}-[0-9A-F]{12}\})\.(S-1(?:-\d+){2,16})\.json")


@dataclass(frozen=True)
class JournalFile:
    """A journal that lies in SYSVOL, of whatever account.

    Args:
        sid: the account that it is named by; one that is believed was written by that account.
        is_own: whether the running account may act on it.
        problem: why it is not believed or cannot be read; empty if it is and can.
    """

    sid: str
    is_own: bool
    journal: GpoJournal
    problem: str = ""


class JournalStore:
    """The journals of one domain, on one domain controller, as one account sees them."""

    def __init__(self, directory: Directory, sysvol: Sysvol, policies_folder: str) -> None:
        self._directory, self._sysvol = directory, sysvol
        self.folder = rf"{policies_folder}\{FOLDER}"
        self._account: JournalAccount | None = None

    @property
    def account(self) -> JournalAccount:
        """Raises DomainError."""
        if self._account is None:
            self._account = account_of(self._directory)
        return self._account

    def files(self) -> Iterator[JournalFile]:
        """The journals of all accounts, each believed or not as its own account would. Raises DomainError."""
        for guid, sid in self._names():
            is_own = sid == self.account.sid
            try:
                journal = self._read(guid, self.account if is_own else JournalAccount(sid, sid))
                yield JournalFile(sid, is_own, journal)
            except DomainError as error:
                yield JournalFile(sid, is_own, GpoJournal(guid, ""), clean(error))

    def _names(self) -> Iterator[tuple[str, str]]:
        for item in self._sysvol.items(self.folder):
            match = _FILE.fullmatch(item.name)
            if match and not item.is_folder:
                yield match[1].upper(), match[2].upper()

    def path(self, guid: str) -> str:
        """The journal of this account about a GPO, relative to SYSVOL."""
        return self._path(guid, self.account.sid)

    def _path(self, guid: str, sid: str) -> str:
        return rf"{self.folder}\{guid}.{sid}.json"

    def journal(self, guid: str) -> GpoJournal:
        """What this account journaled about a GPO. Raises DomainError for a file that is damaged or not believed."""
        return self._read(guid, self.account)

    def _read(self, guid: str, account: JournalAccount) -> GpoJournal:
        path = self._path(guid, account.sid)
        found = self._sysvol.read_with_security(path)
        if found is None:
            return GpoJournal(guid, "")
        content, security = found
        why = why_not_believed(security, account)
        if why:
            raise DomainError(
                f"The journal {path} in SYSVOL is not believed: {why}. Find out who put it there, then delete it. "
                f"Without it, earlier changes of the GPO {guid} cannot be reverted."
            )
        return GpoJournal.parse(guid, content, path)

    def write(self, journal: GpoJournal) -> None:
        with needing(Right.JOURNAL):
            self._sysvol.replace(self.path(journal.guid), journal.to_bytes())

    def begin(self, journal: GpoJournal) -> None:
        """Journal a change before its first write."""
        with leaving(HostState.NOTHING_WRITTEN), needing(Right.JOURNAL):
            self.write(journal)

    def tidy(self) -> None:
        """Delete what interrupted runs of this account were about to write here; what a run is writing is in use."""
        ending = f".{self.account.sid}.json{BESIDE}"
        for item in self._sysvol.items(self.folder):
            if item.name.endswith(ending):
                with suppress(NotFound, InUse, MissingRight):
                    self._sysvol.delete_file(rf"{self.folder}\{item.name}")

    @contextmanager
    def locked(self, guid: str) -> Iterator[None]:
        """Be the only run that changes a GPO on this domain controller. Raises DomainError after SECONDS_TO_WAIT."""
        with self._locked(f"{guid}.lock", f"the GPO {guid}"):
            yield

    @contextmanager
    def locked_name(self, name: str) -> Iterator[None]:
        """Be the only run that makes a GPO of this name. Raises DomainError."""
        digest = hashlib.sha256(name.casefold().encode("utf-8", "surrogatepass")).hexdigest()[:32]
        with self._locked(f"name-{digest}.lock", f"a GPO named {clean(name)}"):
            yield

    @contextmanager
    def _locked(self, name: str, what: str) -> Iterator[None]:
        with leaving(HostState.NOTHING_WRITTEN), needing(Right.JOURNAL):
            self._ensure_folder()
            handle = self._lock(rf"{self.folder}\{name}", what)
        try:
            yield
        finally:
            # If the connection is gone, so is the lock.
            with suppress(DomainError):
                self._sysvol.let_go(handle)

    def _ensure_folder(self) -> None:
        """The folder is there, and nobody but its owner and administrators can remove files of others from it."""
        try:
            why = why_not_believed(self._sysvol.security(self.folder), self.account, is_folder=True)
        except NotFound:
            with suppress(AlreadyThere):
                self._sysvol.make_folder(self.folder)
            why = why_not_believed(self._sysvol.security(self.folder), self.account, is_folder=True)
            if why:
                self._protect_folder(is_new=True)
                return
        if why and self.account.is_administrator:
            self._protect_folder(is_new=False)  # it only becomes narrower, and each file in it is judged by itself
        elif why:
            raise DomainError(
                f"The folder {self.folder} in SYSVOL is not safe for journals: {why}. Let an administrator of the "
                "domain change a GPO with this collection once: that sets its owner and permissions."
            )

    def _protect_folder(self, *, is_new: bool) -> None:
        security = folder_for_journals(self.account, domain_sid(self._directory))
        owner = self.account.is_administrator or not is_new
        self._sysvol.set_security(self.folder, security, owner=owner)

    def _lock(self, path: str, what: str) -> bytes:
        deadline = time.monotonic() + SECONDS_TO_WAIT
        while True:
            try:
                return self._sysvol.hold(path, f"{socket.gethostname()} process {os.getpid()}")
            except InUse as error:
                if time.monotonic() > deadline:
                    raise DomainError(
                        f"Another run changes {what} ({clean(error) or 'its name cannot be read'}) and did not end "
                        f"within {SECONDS_TO_WAIT} s. Run the task again; the lock is {path} in SYSVOL. ",
                        host_state=HostState.NOTHING_WRITTEN,
                    ) from error
                time.sleep(_LOOK_AGAIN)
