# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The directory of a domain: searches in pages, changes, and the meaning of what it refuses. The one door to LDAP."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

from .domain_controller import DomainController
from .errors import AlreadyThere, ConnectionLost, DomainError, MissingRight, NotFound, Raced, UnreadableAnswer, clean
from .ldap_connection import LdapConnection
from .ldap_messages import Modification, Result, add_request, delete_request, modify_request, read_response

if TYPE_CHECKING:
    import sansldap

MAX_SEARCH = 32 * 1024 * 1024
"""Bytes that the answers to one search may have: 50,000 organizational units or 5,000 GPOs have a third of it."""
MAX_PARTS = 200_000
"""Attributes and values that they may have: two bytes of an answer can become an object of fifty."""
PAGE = 500
"""Entries that one answer brings; a server gives 1000 at most (MS-ADTS 3.1.1.3.4.6, MaxPageSize)."""
SD_FLAGS = "1.2.840.113556.1.4.801"
# Our own message ids: those of sansldap's client count up from 1.
_FIRST_ID = 1 << 30
_SUCCESS, _NO_SUCH_ATTRIBUTE, _ATTRIBUTE_EXISTS, _NO_SUCH_OBJECT, _ENTRY_EXISTS = 0, 16, 20, 32, 68
_INSUFFICIENT_RIGHTS, _BUSY, _UNAVAILABLE = 50, 51, 52

# RFC 4511 4.1.9 and what to do about it.
_ADVICE = {
    _BUSY: "the domain controller is busy; run the task again",
    _UNAVAILABLE: "the domain controller is not available; run the task again",
    53: "the domain controller is unwilling, as it is for a read-only one: name a writable one in the option server",
    10: "the domain controller refers to another one; name one of this domain in the option server",
}


class SearchScope(Enum):
    """How deep a search goes, as LDAP counts it."""

    BASE = 0
    CHILDREN = 1
    SUBTREE = 2


@dataclass(frozen=True)
class DirectoryEntry:
    """An object: its DN, and the attributes that were asked for and are there, by lower case name."""

    dn: str
    attributes: Mapping[str, tuple[bytes, ...]] = field(repr=False)

    def raw(self, name: str) -> bytes | None:
        """The first value."""
        values = self.attributes.get(name.lower())
        return values[0] if values else None

    def text(self, name: str) -> str | None:
        value = self.raw(name)
        return None if value is None else value.decode("utf-8", "replace")

    def texts(self, name: str) -> list[str]:
        return [value.decode("utf-8", "replace") for value in self.attributes.get(name.lower(), ())]

    def number(self, name: str) -> int | None:
        """A number. Raises DomainError for text that is none."""
        value = self.text(name)
        try:
            return None if value is None else int(value)
        except ValueError as error:
            raise DomainError(f"{name} of {clean(self.dn)} is no number: {clean(value)}.") from error


class Directory:
    """One session with the directory of one domain controller."""

    def __init__(self, controller: DomainController) -> None:
        """Connect and authenticate. Raises DomainError, LibraryMissing."""
        self._connection = LdapConnection(controller)
        self.controller = controller
        self.requests = 0
        """Requests sent since the session began."""
        self._next_id = _FIRST_ID
        self.root = self._required("", ["defaultNamingContext", "configurationNamingContext", "dnsHostName"])

    @property
    def domain_dn(self) -> str:
        return self.root.text("defaultNamingContext") or ""

    @property
    def configuration_dn(self) -> str:
        return self.root.text("configurationNamingContext") or ""

    def close(self) -> None:
        self._connection.close()

    def read(self, dn: str, attributes: Sequence[str], *, sd_flags: int | None = None) -> DirectoryEntry | None:
        """One object; None if it is not there (or not to be seen). Raises DomainError."""
        try:
            return next(self.search(dn, SearchScope.BASE, "(objectClass=*)", attributes, sd_flags=sd_flags), None)
        except NotFound:
            return None

    def _required(self, dn: str, attributes: Sequence[str]) -> DirectoryEntry:
        entry = self.read(dn, attributes)
        if entry is None:
            raise DomainError(f"{clean(self.controller.server)} has no {clean(dn) or 'root of the directory'}.")
        return entry

    def search(
        self,
        base: str,
        scope: SearchScope,
        filter_: str | sansldap.LDAPFilter,
        attributes: Sequence[str],
        *,
        sd_flags: int | None = None,
    ) -> Iterator[DirectoryEntry]:
        """Objects, page by page: no more than one page is held.

        Args:
            base: The DN to begin at.
            scope: How deep.
            filter_: RFC 4515 text, in which `escaped` has treated every text of a user or host.
            attributes: Their names.
            sd_flags: Which parts of nTSecurityDescriptor are meant (1 owner, 2 group, 4 DACL). Without it the server
                also means the SACL, which few may read.

        Raises DomainError, NotFound for a base that is not there, ConnectionLost for answers without an end.
        """
        import sansldap

        wanted = sansldap.LDAPFilter.from_string(filter_) if isinstance(filter_, str) else filter_
        fixed: list[Any] = []
        if sd_flags is not None:
            fixed.append(sansldap.LDAPControl(SD_FLAGS, True, _sd_flags(sd_flags)))
        cookie = b""
        room = _Room(clean(self.controller.server))
        while True:
            controls = [*fixed]
            if scope is not SearchScope.BASE:
                controls.append(sansldap.PagedResultControl(True, PAGE, cookie))
            self._request_page(base, scope, wanted, attributes, controls)
            entries, cookie = self._page(base, room)
            yield from entries
            if not cookie:
                return

    def _request_page(
        self, base: str, scope: SearchScope, wanted: Any, attributes: Sequence[str], controls: list[Any]
    ) -> None:
        protocol = self._connection.protocol
        with self._connection.reading():  # a session that the server ended takes no request
            protocol.search_request(
                base_object=base, scope=scope.value, filter=wanted, attributes=list(attributes), controls=controls
            )
        self._send(f"reading {base or 'the root of the directory'}", protocol.data_to_send())

    def _page(self, base: str, room: _Room) -> tuple[list[DirectoryEntry], bytes]:
        """The objects of one answer, and the cookie of the next page; empty after the last."""
        import sansldap

        entries: list[DirectoryEntry] = []
        done: Any = None
        cookie = b""
        while done is None:
            answer = self._connection.receive()
            with self._connection.reading():
                room.take(len(answer))
                for message in self._connection.protocol.receive(answer):
                    if isinstance(message, sansldap.SearchResultEntry):
                        entries.append(_entry(message, room))
                    elif isinstance(message, sansldap.SearchResultDone):
                        done = Result(int(message.result.result_code), message.result.diagnostics_message)
                        cookie = next((each.cookie for each in message.controls if hasattr(each, "cookie")), b"")
        self._connection.deadline.end_message()
        self._check(done, f"reading {clean(base)}")
        return entries, cookie

    def add(self, dn: str, attributes: Mapping[str, Sequence[str | bytes]]) -> None:
        """Make an object. Raises AlreadyThere, MissingRight, DomainError."""
        self._change(f"creating {clean(dn)}", lambda number: add_request(number, dn, attributes))

    def modify(self, dn: str, modifications: Sequence[Modification], *, sd_flags: int | None = None) -> None:
        """Change attributes of an object, all or none. sd_flags: which parts of nTSecurityDescriptor are meant.

        Raises Raced where a value to be taken away is not there, or one to be added is; MissingRight, NotFound.
        """
        control = None if sd_flags is None else (SD_FLAGS, _sd_flags(sd_flags))
        self._change(f"changing {clean(dn)}", lambda number: modify_request(number, dn, modifications, control))

    def delete(self, dn: str) -> None:
        """Delete an object without children. Raises NotFound, MissingRight, DomainError."""
        self._change(f"deleting {clean(dn)}", lambda number: delete_request(number, dn))

    def _change(self, doing: str, request: Any) -> None:
        self._next_id += 1
        number = self._next_id
        self._connection.deadline.restart()  # see `deadline`: a limit must not fall between a write and its rollback
        self._send(doing, request(number))
        message = self._connection.receive()
        with self._connection.reading():
            answer = read_response(message)
        self._connection.deadline.end_message()
        if answer is None or answer[0] != number:
            self.close()
            raise ConnectionLost(f"{clean(self.controller.server)} did not answer to {doing}.")
        self._check(answer[1], doing)

    def _send(self, doing: str, message: bytes) -> None:
        """Every request goes through here; tests make it fail. doing: in words, such as `creating CN=...`."""
        self.requests += 1
        self._connection.send(message)

    def _check(self, result: Result, doing: str) -> None:
        """Raise what a result means."""
        if result.code == _SUCCESS:
            return
        words = self.controller.foreign(result.diagnostics)
        kinds = {
            _NO_SUCH_ATTRIBUTE: Raced,
            _ATTRIBUTE_EXISTS: Raced,
            _NO_SUCH_OBJECT: NotFound,
            _ENTRY_EXISTS: AlreadyThere,
        }
        if result.code == _INSUFFICIENT_RIGHTS:
            raise MissingRight(doing, clean(self.controller.account))
        advice = _ADVICE.get(result.code, "")
        raise kinds.get(result.code, DomainError)(
            f"{clean(self.controller.server)} refused {doing}, LDAP result {result.code}"
            f"{f' ({words})' if words else ''}{f': {advice}' if advice else ''}."
        )


def escaped(value: str) -> str:
    """A user's or host's text as a value in a filter (RFC 4515 section 3)."""
    return "".join(
        character
        if character.isalnum() or character in " -_."
        else "".join(f"\\{byte:02x}" for byte in character.encode())
        for character in value
    )


def _sd_flags(parts: int) -> bytes:
    """The value of LDAP_SERVER_SD_FLAGS_OID (MS-ADTS 3.1.1.3.4.1.11)."""
    return bytes([0x30, 3, 2, 1, parts])


class _Room:
    """What one search may still bring. Taking more raises UnreadableAnswer."""

    def __init__(self, server: str) -> None:
        self._server = server
        self._bytes = MAX_SEARCH
        self._parts = MAX_PARTS

    def take(self, size: int, parts: int = 0) -> None:
        self._bytes -= size
        self._parts -= parts
        if self._bytes < 0 or self._parts < 0:
            raise UnreadableAnswer(
                f"{self._server} answers a search with more than {MAX_SEARCH} bytes or {MAX_PARTS} values."
            )


def _entry(message: Any, room: _Room) -> DirectoryEntry:
    room.take(0, len(message.attributes) + sum(len(each.values) for each in message.attributes))
    return DirectoryEntry(message.object_name, {each.name.lower(): tuple(each.values) for each in message.attributes})
