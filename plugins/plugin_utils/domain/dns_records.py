# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The domain controllers that DNS names for a domain."""

from __future__ import annotations

from ..core.errors import HostState
from .errors import DomainError, LibraryMissing, clean

# The PDC emulator first: it is the one that GPMC addresses, so that two editors meet on one controller.
SRV_RECORDS = ("_ldap._tcp.pdc._msdcs.{domain}", "_ldap._tcp.dc._msdcs.{domain}")


def find_domain_controller(domain: str) -> str:
    """A controller of a domain by DNS: the PDC emulator, else the one that comes first. Raises DomainError."""
    try:
        import dns.exception
        import dns.resolver
    except ImportError as error:
        raise LibraryMissing("dnspython", "finding a domain controller without the option server", error) from error
    problems = []
    for record in SRV_RECORDS:
        name = record.format(domain=domain)
        try:
            found = sorted(dns.resolver.resolve(name, "SRV"), key=lambda srv: (srv.priority, -srv.weight))
        except dns.exception.DNSException as error:
            problems.append(f"{name}: {clean(error)}")
            continue
        for answer in found:
            return str(answer.target).rstrip(".")
    raise DomainError(
        f"DNS names no domain controller of {clean(domain)} ({'; '.join(problems)}). Say the option server, or let "
        "the machine that runs this task ask a DNS server of the domain.",
        host_state=HostState.NOTHING_WRITTEN,
    )
