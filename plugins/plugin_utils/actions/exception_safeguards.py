# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The safeguards of the module `domain_exception`.

A guard stands where the write happens: a task of a role can be skipped, so the module that writes the GPO checks. First
what the task itself says, before any contact. Then what only the domain knows: what the links reach, by the objects
that the server returns and not by the spelling of the task, and whether the exception would decide there.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from datetime import date
from typing import Any

from ..core.errors import HostState, RequestError
from ..domain.directory import Directory
from ..domain.distinguished_names import dn_key, is_below
from ..domain.errors import clean
from ..domain_gpo.domain_report import DomainReport
from ..domain_gpo.gpo_cells import MANAGED
from ..domain_gpo.gpo_desired import DesiredGpo
from ..domain_gpo.resolution import Resolution

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
# The container of domain controllers, however it is named (MS-ADTS 6.1.1.4.4).
_DOMAIN_CONTROLLERS = "A361B2FFFFD211D1AA4B00C04FD7D83A"
_EVERYBODY = frozenset({"S-1-5-11", "S-1-1-0", "S-1-5-2", "S-1-5-15"})
_DOMAIN_COMPUTERS = "-515"
_SHOWN = 5


def last_day(options: Mapping[str, Any], today: date) -> date:
    """Check what the task says of a new exception; its last day.

    Args:
        options: Of the module domain_exception.
        today: In UTC.

    Raises:
        RequestError: Nothing was asked of a domain controller.
    """
    missing = [name for name in ("name", "reason", "expires_on", "links") if not options[name]]
    if missing:
        raise _refused(f"An exception needs {', '.join(missing)} (role: domain_exception_{missing[0]}). Set it.")
    text = options["expires_on"]
    try:
        day = date.fromisoformat(text) if _DAY.fullmatch(text) else None
    except ValueError:
        day = None
    if day is None or day < today:
        raise _refused(
            f"expires_on is {clean(text)!r}, and an exception needs a day to come. Write it as 2026-12-31 (role: "
            "domain_exception_expires_on)."
        )
    return day


def check_name(options: Mapping[str, Any]) -> None:
    """Refuse to end an exception without a name. Raises RequestError."""
    if not options["name"]:
        raise _refused("Which exception ends is not stated. Set name (role: domain_exception_name).")


def _refused(message: str) -> RequestError:
    return RequestError(message, kind="safeguard", host_state=HostState.NOT_CONTACTED)


def check_reach(directory: Directory, desired: DesiredGpo, *, whole_domain: bool) -> None:
    """Refuse an exception that reaches a whole domain or site, or domain controllers, without a group that limits it.

    Args:
        directory: Of the domain.
        desired: The exception; its links as the server spells them.
        whole_domain: Whether the task consents.

    Raises:
        RequestError: Nothing was written.
    """
    if whole_domain or any(map(_limits, desired.filter_sids or ())):
        return
    controllers = _container_of_controllers(directory)
    wide = [
        link.target
        for link in desired.links
        if dn_key(link.target) in (dn_key(directory.domain_dn), dn_key(controllers))
        or is_below(link.target, controllers)
        or is_below(link.target, directory.configuration_dn)
    ]
    if wide:
        raise RequestError(
            f"The exception would reach every computer below {', '.join(map(clean, wide))}, domain controllers "
            "included. Link it to a unit, name groups, or set whole_domain: true (role: domain_exception_links, "
            "domain_exception_groups, domain_exception_whole_domain).",
            kind="safeguard",
        )


def _limits(sid: str) -> bool:
    """Whether a group leaves most computers of the domain out."""
    return sid not in _EVERYBODY and not sid.endswith(_DOMAIN_COMPUTERS)


def _container_of_controllers(directory: Directory) -> str:
    entry = directory.read(f"<WKGUID={_DOMAIN_CONTROLLERS},{directory.domain_dn}>", ["distinguishedName"])
    return entry.dn if entry else f"OU=Domain Controllers,{directory.domain_dn}"


def check_decides(report: DomainReport, resolution: Resolution, desired: DesiredGpo, guid: str) -> list[str]:
    """Refuse an exception that would not decide at its links.

    Args:
        report: What was read of the domain.
        resolution: Which GPO decides once the exception is written.
        desired: The exception.
        guid: Its GUID.

    Returns:
        Warnings about containers below the links where another GPO decides.

    Raises:
        RequestError: Nothing was written.
    """
    targets = [link.target for link in desired.links if link.enabled is not False]
    at_links = list(_overruled(report, resolution, desired, guid, targets))
    if at_links:
        raise RequestError(
            f"The exception would not decide at {'; '.join(at_links[:_SHOWN])}. Give its link order: 1, or do not "
            "enforce the other GPO.",
            kind="safeguard",
        )
    inside = {dn_key(dn): dn for dn in _with_own_rules(report) if any(is_below(dn, target) for target in targets)}
    below = list(_overruled(report, resolution, desired, guid, inside.values()))
    return [f"The exception does not decide below its links at {each}." for each in below[:_SHOWN]]


def _with_own_rules(report: DomainReport) -> Iterator[str]:
    """Containers that block inheritance or link a GPO with settings of this collection."""
    yield from report.blocking
    for carrier in report.carriers.values():
        yield from carrier.links


def _overruled(
    report: DomainReport, resolution: Resolution, desired: DesiredGpo, guid: str, containers: Collection[str]
) -> Iterator[str]:
    """Containers where something else than the exception decides on one of its settings, in words."""
    directory = report.reader.directory
    anybody = resolution.any_computer()
    for dn in containers:
        is_site = is_below(dn, directory.configuration_dn)
        holder, site = (directory.domain_dn, dn) if is_site else (dn, None)
        # A computer of one of the groups, and of no other: what its other groups deny or grant is not known here.
        for token in [anybody | {sid} for sid in desired.filter_sids or ()] or [anybody]:
            decisions = resolution.below(holder, token, site).decisions
            for name in desired.settings:
                winner = decisions[name].winner if name in decisions else None
                if winner is None or winner.gpo.guid != guid:
                    what = f"{winner.gpo.name}, linked to {clean(winner.target)}" if winner else "no GPO"
                    yield f"{clean(dn)}: {what}, decides on {MANAGED[name].name}"
                    break
            else:
                continue
            break
