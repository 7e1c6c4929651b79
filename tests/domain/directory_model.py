# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A directory of any size, made up entry by entry while it is read: a server of paged searches over real LDAP messages.

For what a real domain is too slow to be filled with. It stands in the place of an LdapConnection.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import sansldap

from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain.deadline import Deadline

Attributes = Mapping[str, str]
Kind = tuple[int, Callable[[int], tuple[str, Attributes]]]
"""How many objects, and the one of a number: its DN and its attributes."""


@dataclass
class DirectoryModel:
    """kinds: all objects. pages: how many entries each search was answered with."""

    kinds: Sequence[Kind]
    protocol: Any = field(default_factory=sansldap.LDAPClient)
    deadline: Deadline = field(default_factory=lambda: Deadline("the model", 600.0))
    pages: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._server = sansldap.LDAPServer()

    def send(self, message: bytes) -> None:
        for request in self._server.receive(message):
            self._search(request)

    def receive(self) -> bytes:
        return self._server.data_to_send()

    @contextmanager
    def reading(self) -> Iterator[None]:
        """This server sends no hostile bytes."""
        yield

    def close(self) -> None:
        """Nothing was opened."""

    def _search(self, request: Any) -> None:
        paging = next((each for each in request.controls if isinstance(each, sansldap.PagedResultControl)), None)
        found = self._found(request, int(paging.cookie or b"0") if paging else 0)
        answered, more = 0, b""
        for number, dn, attributes in found:
            if paging and answered == paging.size:
                more = str(number).encode()
                break
            answered += 1
            listed = [sansldap.PartialAttribute(name, [text.encode()]) for name, text in attributes.items()]
            self._server.search_result_entry(request.message_id, dn, listed)
        self.pages.append(answered)
        controls: list[Any] = [sansldap.PagedResultControl(False, 0, more)] if paging else []
        self._server.search_result_done(request.message_id, controls=controls)

    def _found(self, request: Any, start: int) -> Iterator[tuple[int, str, Attributes]]:
        """What fits a search, from the object of a number on."""
        first = 0
        for count, made in self.kinds:
            for number in range(max(start - first, 0), count):
                dn, attributes = made(number)
                if _within(dn, request.base_object, request.scope) and _fits(attributes, request.filter):
                    yield first + number, dn, attributes
            first += count


def _within(dn: str, base: str, scope: sansldap.SearchScope) -> bool:
    if dn.casefold() == base.casefold():
        return scope is not sansldap.SearchScope.ONE_LEVEL
    if not base or not dn.casefold().endswith("," + base.casefold()):
        return False
    above = dn[: -len(base) - 1]
    return scope is sansldap.SearchScope.SUBTREE or (scope is sansldap.SearchScope.ONE_LEVEL and "," not in above)


def _fits(attributes: Attributes, wanted: Any) -> bool:
    if isinstance(wanted, sansldap.FilterAnd):
        return all(_fits(attributes, each) for each in wanted.filters)
    if isinstance(wanted, sansldap.FilterOr):
        return any(_fits(attributes, each) for each in wanted.filters)
    value = attributes.get(wanted.attribute)
    if isinstance(wanted, sansldap.FilterPresent):
        return value is not None
    if isinstance(wanted, sansldap.FilterEquality):
        return value == wanted.value.decode()
    if isinstance(wanted, sansldap.FilterSubstrings):
        return value is not None and all(part.decode() in value for part in wanted.any)
    raise NotImplementedError(type(wanted).__name__)
