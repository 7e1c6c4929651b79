# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""gPLink: which GPOs a site, domain or organizational unit links, in which order. Text <-> typed, pure.

MS-GPOL 2.2.2: `[LDAP://<GPO DN>;<options>]...`, option bit 0 disabled, bit 1 enforced. The last one is applied last
and so wins: it is link order 1 in GPMC. GPMC puts a new link in front, where it is the weakest.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from .errors import DamagedFile, shorten

DISABLED, ENFORCED = 1, 2
_LINK = re.compile(r"\s*\[LDAP://([^;\]]+);(\d{1,10})\]", re.IGNORECASE)
_GUID = re.compile(r"(?i)^CN=(\{[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\}),")


@dataclass(frozen=True)
class Link:
    """One link.

    Attributes:
        dn: Of the GPO, as it is spelled there.
        options: The bits.
    """

    dn: str
    options: int = 0

    @property
    def guid(self) -> str:
        """The GPO's GUID in braces, upper case; empty if the DN begins with none."""
        match = _GUID.match(self.dn)
        return match.group(1).upper() if match else ""

    @property
    def enabled(self) -> bool:
        return not self.options & DISABLED

    @property
    def enforced(self) -> bool:
        """Whether it is enforced; a disabled link is not (MS-GPOL 2.2.2, value 3)."""
        return bool(self.options & ENFORCED) and self.enabled


@dataclass(frozen=True)
class Links:
    """The links of one container, in the order of the text."""

    links: tuple[Link, ...] = ()

    @classmethod
    def parse(cls, text: str | None) -> Links:
        """From the attribute; None, blanks and the empty text are no links. Raises DamagedFile."""
        text = (text or "").strip()
        links = []
        at = 0
        while at < len(text):
            match = _LINK.match(text, at)
            if match is None:
                raise DamagedFile("value", f"A gPLink cannot be read from {shorten(text[at:], 80)} on")
            links.append(Link(match.group(1), int(match.group(2))))
            at = match.end()
        return cls(tuple(links))

    def __str__(self) -> str:
        return "".join(f"[LDAP://{link.dn};{link.options}]" for link in self.links)

    def of(self, guid: str) -> Link | None:
        """The link of a GPO; the strongest if there are several."""
        return next((link for link in reversed(self.links) if link.guid == guid), None)

    def order(self, guid: str) -> int | None:
        """Its link order as GPMC shows it: 1 wins."""
        return next((place for place, link in enumerate(reversed(self.links), 1) if link.guid == guid), None)

    def with_link(self, link: Link, order: int | None) -> Links:
        """With this link as the only one of its GPO. order: as GPMC counts; None keeps its place, a new one goes in
        front. An order beyond the weakest is the weakest.
        """
        held = self.order(link.guid)
        if order is None and held is not None:
            place = next(at for at in reversed(range(len(self.links))) if self.links[at].guid == link.guid)
            changed = (*self.links[:place], replace(link, dn=self.links[place].dn), *self.links[place + 1 :])
            return Links(tuple(each for at, each in enumerate(changed) if at == place or each.guid != link.guid))
        others = [each for each in self.links if each.guid != link.guid]
        place = 0 if order is None else max(0, len(others) - (order - 1))
        others.insert(place, link)
        return Links(tuple(others))

    def without(self, guid: str) -> Links:
        return Links(tuple(link for link in self.links if link.guid != guid))

    def write_back(self, found: Links, guid: str) -> Links:
        """This GPO's links as they were in `found`, the others as they are now, each at its old place if it can be."""
        links = list(self.without(guid).links)
        for place, link in enumerate(found.links):
            if link.guid == guid:
                links.insert(min(place, len(links)), link)
        return Links(tuple(links))


def gpo_dn(guid: str, domain_dn: str) -> str:
    return f"CN={guid},CN=Policies,CN=System,{domain_dn}"
