# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the journals of a domain's GPOs are, and who may change GPOs now: a folder of this collection in SYSVOL.

`<domain>\\Policies\\winops.smb_guest` holds `{GUID}.json`, the journal of a GPO; `{GUID}`, the folder of a deleted one;
`pending`, the GUID of the GPO whose change is under way; and while a run writes `lock`, which goes with its connection.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from ..core.errors import NOTHING_WRITTEN, stating
from ..domain.errors import AlreadyThere, DomainError, said
from ..domain.rights import Right, needing
from ..domain.sysvol import BESIDE, InUse, Sysvol
from .domain_gpo import as_guid
from .gpo_journal import GpoJournal

FOLDER = "winops.smb_guest"
SECONDS_TO_WAIT = 30
_LOOK_AGAIN = 0.2


class JournalStore:
    """The journals of one domain, on one controller."""

    def __init__(self, sysvol: Sysvol, policies_folder: str) -> None:
        self._sysvol = sysvol
        self.folder = rf"{policies_folder}\{FOLDER}"

    def journals(self) -> Iterator[GpoJournal]:
        """The journal of every GPO that has one. Raises DomainError."""
        for item in self._sysvol.items(self.folder):
            guid = item.name.upper().removesuffix(".JSON")
            if not item.is_folder and item.name.lower().endswith(".json") and as_guid(guid) == guid:
                yield self.journal(guid)

    def journal(self, guid: str) -> GpoJournal:
        """The journal of a GPO, empty if it has none. Raises DomainError for one that is damaged."""
        return GpoJournal.parse(guid, self._sysvol.read(rf"{self.folder}\{guid}.json"))

    def write(self, journal: GpoJournal) -> None:
        with needing(Right.JOURNAL):
            self._sysvol.replace(rf"{self.folder}\{journal.guid}.json", journal.to_bytes())

    def pending(self) -> str | None:
        """The GUID of the GPO whose change is under way or was cut off."""
        content = self._sysvol.read(rf"{self.folder}\pending")
        return as_guid(content.decode("ascii", "replace").strip()) if content else None

    def begin(self, journal: GpoJournal) -> None:
        """The word that a change is under way, then its entry: where the entry is not there, nothing was written."""
        with stating(NOTHING_WRITTEN), needing(Right.JOURNAL):
            self._sysvol.replace(rf"{self.folder}\pending", journal.guid.encode())
            self.write(journal)

    def end(self, journal: GpoJournal) -> None:
        self.write(journal)
        self.clear_pending()

    def tidy(self) -> None:
        """Delete what a run that was cut off was about to write here."""
        for item in self._sysvol.items(self.folder):
            if item.name.endswith(BESIDE):
                self._sysvol.delete_file(rf"{self.folder}\{item.name}")

    def clear_pending(self) -> None:
        self._sysvol.delete_file(rf"{self.folder}\pending")

    @contextmanager
    def held(self) -> Iterator[None]:
        """Be the only run that changes GPOs on this controller. Raises DomainError after SECONDS_TO_WAIT."""
        with stating(NOTHING_WRITTEN), needing(Right.JOURNAL):
            handle = self._lock()
        try:
            yield
        finally:
            # If the connection is gone, so is the hold.
            with suppress(DomainError):
                self._sysvol.let_go(handle)

    def _lock(self) -> bytes:
        with suppress(AlreadyThere):
            self._sysvol.make_folder(self.folder)
        deadline = time.monotonic() + SECONDS_TO_WAIT
        while True:
            try:
                return self._sysvol.hold(rf"{self.folder}\lock", f"{socket.gethostname()} process {os.getpid()}")
            except InUse as error:
                if time.monotonic() > deadline:
                    raise DomainError(
                        f"Another run changes GPOs of this domain ({said(error) or 'its name cannot be read'}) and did "
                        f"not end within {SECONDS_TO_WAIT} s. Run the task again. {NOTHING_WRITTEN}"
                    ) from error
                time.sleep(_LOOK_AGAIN)
