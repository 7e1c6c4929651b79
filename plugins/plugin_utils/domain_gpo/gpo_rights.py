# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether the account may do what a change of a GPO needs, asked before anything is written: for check mode.

A domain controller tells what the account may do with an object, in attributes that it computes for whoever asks
(MS-ADTS 3.1.1.4.5.18 to 3.1.1.4.5.23), and with a file or folder, in an answer to opening it (MS-SMB2 2.2.14.2.5). What
these do not tell, the right to delete an object, is evaluated here from its permissions and the account's token.

The order is that of a run, so that check mode names the right that the run would miss first.
"""

from __future__ import annotations

from ..core.errors import HostState, leaving
from ..domain.directory import DirectoryEntry
from ..domain.distinguished_names import parent_dn
from ..domain.errors import MissingRight, NotFound, clean
from ..domain.rights import Right, needing
from ..policy_files.security_descriptor import sid_text
from .gpo_access import is_granted
from .gpo_desired import needs_new_version, versions_disagree
from .gpo_reader import SD_FLAGS, GpoReader
from .gpo_state import COMMENT, GPT_INI, GPT_TMPL, REGISTRY_POL, GpoContainer, GpoState, security_of

_ADD_FILE, _ADD_FOLDER = 0x2, 0x4
_DELETE, _WRITE_DAC = 0x00010000, 0x00040000
_DELETE_CHILD = 0x2  # of the directory
_EFFECTIVE = ["allowedAttributesEffective", "allowedChildClassesEffective", "sDRightsEffective"]
_DACL = 4


class RightsCheck:
    """Asks one controller what its account may do."""

    def __init__(self, reader: GpoReader, journal_folder: str) -> None:
        """journal_folder: relative to SYSVOL."""
        self._reader, self._journal_folder = reader, journal_folder
        self._account = clean(reader.directory.controller.account)

    def check(self, found: GpoState, wanted: GpoState) -> None:
        """Check all that carrying one state of a GPO into another needs. Raises MissingRight, DomainError."""
        with leaving(HostState.NOTHING_WRITTEN):
            with needing(Right.JOURNAL):
                self._check_folder(self._journal_folder, _ADD_FILE, "writing the journal in")
            if not found.exists:
                self._check_creating()
            elif found.container and wanted.container:
                with needing(Right.EDIT):
                    self._check_editing(found, wanted, found.container, wanted.container)
            unlinking = not wanted.exists
            for target in found.linked_by() if unlinking else wanted.links:
                if unlinking or found.link_text(target) != wanted.link_text(target):
                    with needing(Right.LINK):
                        self._check_attributes(target, ["gPLink"])
            if found.container and unlinking:
                with needing(Right.EDIT):
                    self._check_deleting(found.container)

    def _check_creating(self) -> None:
        policies = self._reader.policies_dn
        with needing(Right.CREATE):
            classes = self._effective(policies).texts("allowedChildClassesEffective")
            if "grouppolicycontainer" not in map(str.lower, classes):
                raise self._missing(f"creating a GPO in {policies}")
            self._check_folder(self._reader.policies_folder, _ADD_FOLDER, "making the folder of a GPO in")

    def _check_editing(self, found: GpoState, wanted: GpoState, old: GpoContainer, new: GpoContainer) -> None:
        attributes = []
        if old.security != new.security:
            if not (self._effective(old.dn).number("sDRightsEffective") or 0) & _DACL:
                raise self._missing(f"changing {clean(old.dn)}")
            self._check_folder(self._reader.folder(found.guid), _WRITE_DAC, "setting the security of")
        self._check_files(found, wanted)
        if needs_new_version(found, wanted) or versions_disagree(found):
            attributes.append("versionNumber")
            self._check_file(found.guid, GPT_INI, found.files.gpt_ini)
        if old.machine_extensions != new.machine_extensions:
            attributes.append("gPCMachineExtensionNames")
        if old.wmi_filter != new.wmi_filter:
            attributes.append("gPCWQLFilter")
        if attributes:
            self._check_attributes(old.dn, attributes)

    def _check_files(self, found: GpoState, wanted: GpoState) -> None:
        for name, before, after in (
            (REGISTRY_POL, found.files.registry_pol, wanted.files.registry_pol),
            (GPT_TMPL, found.files.gpt_tmpl, wanted.files.gpt_tmpl),
            (COMMENT, found.files.comment, wanted.files.comment),
        ):
            if before != after:
                self._check_file(found.guid, name, before)

    def _check_file(self, guid: str, name: str, content: bytes | None) -> None:
        """A file is written beside and renamed over the old one: that takes a new file and the end of the old one."""
        path = rf"{self._reader.folder(guid)}\{name}"
        if content is not None and not self._reader.sysvol.rights(path) & _DELETE:
            raise self._missing(f"writing {path}")
        self._check_folder(path.rpartition("\\")[0], _ADD_FILE, f"writing {name} in")

    def _check_folder(self, folder: str, needed: int, doing: str) -> None:
        """A right on a folder; where it is still to be made, the right to make it in the one above."""
        try:
            rights = self._reader.sysvol.rights(folder)
        except NotFound:
            return self._check_folder(folder.rpartition("\\")[0], _ADD_FOLDER, f"making {folder} for {doing}")
        if rights & needed != needed:
            raise self._missing(f"{doing} {folder}")
        return None

    def _check_attributes(self, dn: str, needed: list[str]) -> None:
        may = {name.lower() for name in self._effective(dn).texts("allowedAttributesEffective")}
        if not {name.lower() for name in needed} <= may:
            raise self._missing(f"changing {clean(dn)}")

    def _check_deleting(self, container: GpoContainer) -> None:
        """Deleting an object takes DELETE on it, or DELETE_CHILD on what holds it (MS-ADTS 3.1.1.5.5.1)."""
        token = self._token()
        entries = [
            (self._reader.directory.read(dn, ["nTSecurityDescriptor"], sd_flags=SD_FLAGS), right)
            for dn, right in ((container.dn, _DELETE), (parent_dn(container.dn), _DELETE_CHILD))
        ]
        held = [(entry.raw("nTSecurityDescriptor"), right) for entry, right in entries if entry]
        if not any(security and is_granted(security_of(security), token, right) for security, right in held):
            raise self._missing(f"deleting {clean(container.dn)}")
        self._check_folder(self._reader.folder(container.guid), _DELETE, "moving")

    def _token(self) -> frozenset[str]:
        entry = self._reader.directory.read("", ["tokenGroups"])
        return frozenset(sid_text(value) for value in entry.attributes.get("tokengroups", ())) if entry else frozenset()

    def _effective(self, dn: str) -> DirectoryEntry:
        entry = self._reader.directory.read(dn, _EFFECTIVE)
        if entry is None:
            raise NotFound(f"The directory has no {clean(dn)} that {self._account} can see.")
        return entry

    def _missing(self, what: str) -> MissingRight:
        return MissingRight(what, self._account, is_predicted=True)
