# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes a domain GPO: creates it, carries one state of it into another, deletes it, restores a deleted one.

The order is that of MS-GPOL 3.3.5 and may be interrupted anywhere: files beside-then-renamed, then the version and the
extension list in LDAP by compare-and-swap, then GPT.INI; who applies it before where it is linked. A client that reads
in between sees the old version or the new one with the files of the new one. The directory object is the first thing
that is made and the last that is deleted: as long as anything of a GPO is there, its name finds it.

A file is looked at once more right before it is replaced: an editor that wrote since is noticed, but for the moment of
that one request. GPMC takes no lock, so no more can be had.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from ..core.errors import HostState
from ..domain.directory import DirectoryEntry, SearchScope
from ..domain.distinguished_names import dn_key
from ..domain.errors import AlreadyThere, DomainError, NotFound, Raced, clean
from ..domain.ldap_messages import Modification
from ..domain.rights import Right, needing
from ..domain.sysvol import BESIDE, NotEmpty
from ..policy_files.gpt_ini import GptIni, Version
from ..policy_files.security_descriptor import SecurityDescriptor
from .gpo_access import folder_security, inherited_security
from .gpo_cells import decoded
from .gpo_desired import needs_new_version
from .gpo_journal import GpoChange
from .gpo_reader import SD_FLAGS, GpoReader
from .gpo_state import (
    COMMENT,
    FUNCTIONALITY_VERSION,
    GPT_INI,
    GPT_TMPL,
    REGISTRY_POL,
    GpoContainer,
    GpoState,
    links_of,
    security_of,
)

_DACL = 4
_CHILDREN = ("Machine", "User")
# What a deleted GPO is made again from, by attribute.
_KEPT = {
    "displayName": "name",
    "gPCFileSysPath": "path",
    "gPCMachineExtensionNames": "machine_extensions",
    "gPCUserExtensionNames": "user_extensions",
    "gPCWQLFilter": "wmi_filter",
}


class GpoWriter:
    """Writes GPOs of one domain on one controller."""

    def __init__(self, reader: GpoReader, trash: str) -> None:
        """trash: the folder, relative to SYSVOL, below which the folder of a deleted GPO is kept."""
        self._reader, self._trash = reader, trash
        self._directory, self._sysvol = reader.directory, reader.sysvol

    def create(self, guid: str, name: str) -> None:
        """Make an empty GPO: container, folder, security. Raises DomainError."""
        with needing(Right.CREATE):
            self._create(guid, name)

    def _create(self, guid: str, name: str) -> None:
        dn = f"CN={guid},{self._reader.policies_dn}"
        self._add_container(
            dn,
            {
                "displayName": [name],
                "gPCFileSysPath": [self._reader.unc(guid)],
                "versionNumber": ["0"],
                "flags": ["0"],
                "gPCFunctionalityVersion": [str(FUNCTIONALITY_VERSION)],
            },
        )
        folder = self._reader.folder(guid)
        self._sysvol.make_folder(folder)
        self._mirror_security(guid, owner=True)
        self._sysvol.replace(rf"{folder}\{GPT_INI}", GptIni.new().to_bytes())
        for child in _CHILDREN:
            self._sysvol.make_folder(rf"{folder}\{child}")

    def _add_container(self, dn: str, attributes: Mapping[str, list[str]]) -> None:
        self._directory.add(dn, {"objectClass": ["groupPolicyContainer"], **attributes})
        for child in _CHILDREN:
            self._directory.add(f"CN={child},{dn}", {"objectClass": ["container"]})

    def _mirror_security(self, guid: str, *, owner: bool) -> SecurityDescriptor:
        """The folder gets the security of the directory object, as the server has it; returns what it got."""
        entry = self._directory.read(f"CN={guid},{self._reader.policies_dn}", ["nTSecurityDescriptor"], sd_flags=7)
        security = entry.raw("nTSecurityDescriptor") if entry else None
        if security is None:
            raise DomainError(f"The security of the GPO {guid} cannot be read, and its folder has to have the same.")
        mirrored = folder_security(security_of(security))
        if owner:
            # Whoever made the folder owns it and may set its DACL; setting an owner is for administrators.
            held = security_of(self._sysvol.security(self._reader.folder(guid)))
            owner = (held.owner, held.group) != (mirrored.owner, mirrored.group)
        self._sysvol.set_security(self._reader.folder(guid), mirrored.to_bytes(), owner=owner)
        return mirrored

    def _secure_files(self, folder: str, security: SecurityDescriptor, *, owner: bool) -> None:
        """Everything below a GPO's folder inherits its security anew. owner: its owner and group as well."""
        for item in self._sysvol.items(folder):
            path = rf"{folder}\{item.name}"
            held = security_of(self._sysvol.security(path))
            foreign = owner and (held.owner, held.group) != (security.owner, security.group)
            wanted = inherited_security(security, security if foreign else held, is_folder=item.is_folder)
            if foreign or set(wanted.dacl or ()) != set(held.dacl or ()):
                self._sysvol.set_security(path, wanted.to_bytes(), owner=foreign)
            if item.is_folder:
                self._secure_files(path, security, owner=owner)

    def write(self, found: GpoState, wanted: GpoState, *, new_version: bool = False) -> None:
        """Carry a GPO that exists into another state of it. new_version: clients are to read it anew in any case.

        Raises Raced where somebody else wrote in between: what they wrote stands, and `found` is no longer true.
        """
        if found.container is None or wanted.container is None:
            raise ValueError("a GPO that does not exist cannot be edited")
        with needing(Right.EDIT):
            self._edit(found, wanted, found.container, wanted.container, new_version=new_version)
        self._write_links(found, wanted)

    def _edit(
        self, found: GpoState, wanted: GpoState, old: GpoContainer, new: GpoContainer, *, new_version: bool
    ) -> None:
        if old.security != new.security and new.security:
            security = Modification.replace("nTSecurityDescriptor", new.security)
            self._directory.modify(old.dn, [security], sd_flags=_DACL)
            self._secure_files(
                self._reader.folder(found.guid), self._mirror_security(found.guid, owner=False), owner=False
            )
        edits = [
            (REGISTRY_POL, found.files.registry_pol, wanted.files.registry_pol),
            (GPT_TMPL, found.files.gpt_tmpl, wanted.files.gpt_tmpl),
        ]
        for name, before, after in [*edits, (COMMENT, found.files.comment, wanted.files.comment)]:
            self._replace(found.guid, name, before, after)
        if new_version or needs_new_version(found, wanted):
            self._raise_version(found, old, new.machine_extensions)
        if old.wmi_filter != new.wmi_filter:
            self._directory.modify(old.dn, [Modification.replace("gPCWQLFilter", new.wmi_filter)])

    def _replace(self, guid: str, name: str, old: bytes | None, new: bytes | None) -> None:
        """Replace a file, make it or delete it. Raises Raced if it no longer is what it was."""
        if old == new:
            return
        path = rf"{self._reader.folder(guid)}\{name}"
        if new is not None and old is None:
            self._make_folders(guid, name)
        if self._sysvol.read(path) != old:
            raise Raced(f"Somebody else wrote {clean(name)} of the GPO {guid} at the same time.")
        if new is not None:
            self._sysvol.replace(path, new)
            return
        self._sysvol.delete_file(path)
        self._remove_empty_folders(guid, name)

    def _make_folders(self, guid: str, name: str) -> None:
        path = self._reader.folder(guid)
        for part in name.split("\\")[:-1]:
            path = rf"{path}\{part}"
            with suppress(AlreadyThere):
                self._sysvol.make_folder(path)

    def _remove_empty_folders(self, guid: str, name: str) -> None:
        """The folders that only the file needed; Machine itself belongs to every GPO."""
        parts = name.split("\\")[:-1]
        with suppress(NotEmpty, NotFound):
            for depth in range(len(parts), 1, -1):
                self._sysvol.delete_folder("\\".join([self._reader.folder(guid), *parts[:depth]]))

    def _raise_version(self, found: GpoState, container: GpoContainer, extensions: str | None) -> None:
        """The larger version plus one: in LDAP only if it is still the one that was read, then in GPT.INI."""
        old = container.version
        version = old.next_machine(found.files.version or Version())
        changes = [Modification.delete("versionNumber", str(old.signed))] if container.has_version else []
        changes.append(Modification.add("versionNumber", str(version.signed)))
        if container.machine_extensions != extensions:
            changes.append(Modification.replace("gPCMachineExtensionNames", extensions))
        self._directory.modify(container.dn, changes)
        ini = GptIni.new() if found.files.gpt_ini is None else GptIni.parse(found.files.gpt_ini)
        self._replace(found.guid, GPT_INI, found.files.gpt_ini, ini.with_version(version).to_bytes())

    def _write_links(self, found: GpoState, wanted: GpoState) -> None:
        for target, text in wanted.links.items():
            self._write_link(target, found.link_text(target), text)

    def _write_link(self, target: str, old: str, new: str) -> None:
        """Compare-and-swap of one gPLink."""
        if old == new:
            return
        changes = [Modification.delete("gPLink", old)] if old else []
        changes += [Modification.add("gPLink", new)] if new else []
        with needing(Right.LINK):
            self._directory.modify(target, changes)

    def delete(self, found: GpoState, kept_in: str) -> None:
        """Unlink a GPO everywhere, move its folder aside, delete its directory objects. What is gone already is fine.

        kept_in: the name of the folder to move it to, beside the journals; empty to delete the files as well.
        Raises Raced, MissingRight, DomainError.
        """
        for target, text in found.linked_by().items():
            self._write_link(target, text, str(links_of(text).without(found.guid)))
        dn = f"CN={found.guid},{self._reader.policies_dn}"
        with needing(Right.EDIT):
            for child in _CHILDREN:
                with suppress(NotFound):
                    self._directory.delete(f"CN={child},{dn}")
            with suppress(NotFound):
                if kept_in:
                    self._sysvol.move(self._reader.folder(found.guid), rf"{self._trash}\{kept_in}")
                else:
                    self._remove_tree(self._reader.folder(found.guid))
            with suppress(NotFound):
                self._directory.delete(dn)

    def digests(self, folder: str, below: str = "") -> dict[str, str]:
        """The SHA-256 of every file in a folder, by its path there in lower case. Raises DomainError."""
        found: dict[str, str] = {}
        for item in self._sysvol.items(folder):
            path, name = rf"{folder}\{item.name}", f"{below}{item.name.lower()}"
            if item.is_folder:
                found |= self.digests(path, f"{name}\\")
            else:
                found[name] = hashlib.sha256(self._sysvol.read(path) or b"").hexdigest()
        return found

    def refuse_if_it_holds_more(self, guid: str) -> None:
        """Objects below a GPO other than its two containers could not be restored. Raises DomainError."""
        dn = f"CN={guid},{self._reader.policies_dn}"
        known = {dn_key(dn), *(dn_key(f"CN={child},{dn}") for child in _CHILDREN)}
        for entry in self._objects(dn):
            if dn_key(entry.dn) not in known:
                raise DomainError(
                    f"The GPO holds {clean(entry.dn)}, which could not be restored later. Delete it in GPMC. ",
                    host_state=HostState.NOTHING_WRITTEN,
                )

    def restore(self, guid: str, change: GpoChange, *, force: bool = False) -> None:
        """Make a deleted GPO again: same GUID, name, version, files, security. Links are restored by `write`.

        What is there already is left alone: a deletion that was denied is rolled back by an account without rights.
        The files lay where others might reach them: they have to be those that were deleted, and get the owner and the
        permissions of the GPO. force: restore them whatever they are by now.
        Raises MissingRight, DomainError.
        """
        if str(change.gpo["path"]).casefold() != self._reader.unc(guid).casefold():
            raise DomainError(f"The journal says that the files of the GPO {guid} were at {clean(change.gpo['path'])}.")
        kept = rf"{self._trash}\{change.kept_in}"
        moved = False
        with suppress(NotFound, AlreadyThere):
            self._sysvol.move(kept, self._reader.folder(guid))
            moved = True
        if moved and not force and self.digests(self._reader.folder(guid)) != change.files:
            self._sysvol.move(self._reader.folder(guid), kept)
            raise DomainError(
                f"The files of the deleted GPO {guid}, which are kept in {kept} in SYSVOL, are not those that were "
                "deleted: somebody changed them. Look at them; with force: true they are restored as they are."
            )
        with needing(Right.CREATE):
            self._restore_objects(f"CN={guid},{self._reader.policies_dn}", change.gpo)
        if moved:
            with needing(Right.EDIT):
                self._secure_files(self._reader.folder(guid), self._mirror_security(guid, owner=True), owner=True)

    def _restore_objects(self, dn: str, kept: Mapping[str, Any]) -> None:
        there = {dn_key(entry.dn): entry for entry in self._objects(dn)}
        if dn_key(dn) not in there:
            attributes = {key: [str(kept[name])] for key, name in _KEPT.items() if kept.get(name) is not None}
            attributes["versionNumber"] = [str(Version.from_number(int(kept["version"])).signed)]
            attributes["flags"] = [str(int(kept["flags"]))]
            attributes["gPCFunctionalityVersion"] = [str(FUNCTIONALITY_VERSION)]
            self._directory.add(dn, {"objectClass": ["groupPolicyContainer"], **attributes})
        for child in _CHILDREN:
            if dn_key(f"CN={child},{dn}") not in there:
                self._directory.add(f"CN={child},{dn}", {"objectClass": ["container"]})
        security = decoded(kept["security"]) if kept.get("security") else None
        entry = there.get(dn_key(dn))
        if security and (entry is None or entry.raw("nTSecurityDescriptor") != security):
            self._directory.modify(dn, [Modification.replace("nTSecurityDescriptor", security)], sd_flags=_DACL)

    def _objects(self, dn: str) -> list[DirectoryEntry]:
        """A GPO's directory object and all below it, with their security as `GpoReader` reads it."""
        try:
            return list(
                self._directory.search(
                    dn, SearchScope.SUBTREE, "(objectClass=*)", ["nTSecurityDescriptor"], sd_flags=SD_FLAGS
                )
            )
        except NotFound:
            return []

    def tidy(self, guid: str) -> None:
        """Delete what an interrupted run was about to write."""
        for name in (GPT_INI, REGISTRY_POL, GPT_TMPL, COMMENT):
            with suppress(NotFound):
                self._sysvol.delete_file(rf"{self._reader.folder(guid)}\{name}{BESIDE}")

    def _remove_tree(self, folder: str) -> None:
        for item in self._sysvol.items(folder):
            path = rf"{folder}\{item.name}"
            if item.is_folder:
                self._remove_tree(path)
            else:
                self._sysvol.delete_file(path)
        with suppress(NotFound):
            self._sysvol.delete_folder(folder)


def new_kept_in(guid: str) -> str:
    """The name of a folder for the files of a GPO that is about to be deleted; nobody can guess it."""
    return f"{guid}.{uuid.uuid4().hex}.files"


def kept_of(state: GpoState, security: str | None) -> dict[str, Any]:
    """What `restore` needs of a GPO. security: of its directory object, base64."""
    if state.container is None:
        raise ValueError("a GPO that does not exist cannot be kept")
    kept = {name: getattr(state.container, name) for name in _KEPT.values()}
    return {**kept, "version": state.container.version.number, "flags": state.container.flags, "security": security}


def kept_container(guid: str, dn: str, kept: Mapping[str, Any]) -> GpoContainer:
    """The directory object that `restore` would make."""
    texts = {name: kept.get(name) for name in _KEPT.values()}
    version = Version.from_number(int(kept["version"]))
    security = decoded(kept["security"]) if kept.get("security") else None
    return GpoContainer(guid, dn, version=version, flags=int(kept["flags"]), security=security, **texts)  # type: ignore[arg-type]


def without_links(state: GpoState) -> GpoState:
    """The GPO linked nowhere."""
    links = {dn: str(links_of(text).without(state.guid)) for dn, text in state.links.items()}
    return replace(state, links=links)
