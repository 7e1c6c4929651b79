# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one table of benchmark controls on SMB: which product and version numbers them how, and what each looks at.

An id means nothing without its benchmark version. A topic without a setting is a control that this collection does not
read: it is listed, so that nobody takes the list for the whole benchmark, and never judged.

Sources:
  [STIG] DISA xccdf files as archived in PowerStig, releases as named below; their check text says "if the following
         registry value does not exist or is not configured as specified, this is a finding"
  [CIS]  the ansible-lockdown CIS roles and the Wazuh SCA rules of each product; the benchmark texts were not available
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

POLICY, LOCAL = "policy", "local"
"""Where a scanner reads: the Policies key, or the Parameters key that a security option writes."""


@dataclass(frozen=True)
class Topic:
    """What a control asks for. setting: the setting that it is about, None where it is not read. wanted: its value.
    looks_at: the layer whose value a scanner reads; a value that is absent there is a finding."""

    title: str
    setting: str | None = None
    wanted: bool = True
    looks_at: str = POLICY


TOPICS: Mapping[str, Topic] = MappingProxyType(
    {
        "insecure_guest_disabled": Topic("Insecure guest logons disabled", "insecure_guest_logons", wanted=False),
        "client_signing_always": Topic("Client signing always", "client_signing", looks_at=LOCAL),
        "client_signing_if_server_agrees": Topic("Client signing if server agrees"),
        "no_plaintext_password": Topic("No unencrypted password to SMB servers"),
        "server_signing_always": Topic("Server signing always", "server_signing", looks_at=LOCAL),
        "server_signing_if_client_agrees": Topic("Server signing if client agrees"),
        "client_encryption": Topic("Client requires encryption", "client_encryption"),
        "audit_insecure_guest": Topic("Client audits insecure guest logons", "audit_insecure_guest_logons"),
        "audit_server_encryption": Topic("Client audits servers without encryption", "audit_server_without_encryption"),
        "audit_server_signing": Topic("Client audits servers without signing", "audit_server_without_signing"),
        "server_audit_insecure_guest": Topic(
            "Server audits insecure guest logons", "server_audit_insecure_guest_logons"
        ),
        "server_audit_client_encryption": Topic(
            "Server audits clients without encryption", "server_audit_client_without_encryption"
        ),
        "server_audit_client_signing": Topic(
            "Server audits clients without signing", "server_audit_client_without_signing"
        ),
        "client_mailslots": Topic("Client mailslots off"),
        "client_minimum_dialect": Topic("Client minimum SMB version"),
        "server_mailslots": Topic("Server mailslots off"),
        "server_minimum_dialect": Topic("Server minimum SMB 3.1.1"),
        "authentication_rate_limiter": Topic("Authentication rate limiter on"),
        "authentication_rate_limiter_delay": Topic("Authentication rate limiter delay"),
    }
)


@dataclass(frozen=True)
class Product:
    """What benchmarks call a Windows. kind: `client` or `server`, as `os.product` of client_facts. Builds inclusive."""

    name: str
    kind: str
    first_build: int
    last_build: int


PRODUCTS = (
    Product("Windows 10", "client", 10240, 19045),
    Product("Windows 11", "client", 22000, 28000),
    Product("Windows Server 2016", "server", 14393, 14393),
    Product("Windows Server 2019", "server", 17763, 17763),
    Product("Windows Server 2022", "server", 20348, 20348),
    Product("Windows Server 2025", "server", 26100, 26100),
)


@dataclass(frozen=True)
class Control:
    """The id of a topic in one benchmark. vulnerability: the STIG's V-number, and the one before it if there is one."""

    topic: str
    control_id: str
    vulnerability: str = ""


@dataclass(frozen=True)
class Benchmark:
    """Versions of one benchmark that number the same way, newest first."""

    framework: str
    product: str
    versions: tuple[str, ...]
    controls: tuple[Control, ...]


def _controls(**ids: str) -> tuple[Control, ...]:
    return tuple(Control(topic, control_id) for topic, control_id in ids.items())


def _stig(*rows: tuple[str, str, str]) -> tuple[Control, ...]:
    return tuple(Control(topic, control_id, vulnerability) for topic, control_id, vulnerability in rows)


_SECURITY_OPTIONS = _controls(
    client_signing_always="2.3.8.1",
    client_signing_if_server_agrees="2.3.8.2",
    no_plaintext_password="2.3.8.3",
    server_signing_always="2.3.9.2",
    server_signing_if_client_agrees="2.3.9.3",
)
_GUEST_18_5 = _controls(insecure_guest_disabled="18.5.8.1")
_GUEST_18_6 = _controls(insecure_guest_disabled="18.6.8.1")

# Two public lists of Server 2025 v1.0.0 differ. An older one has the rate limiter twice, among the client's controls as
# well, and so insecure guest logons at 18.6.8.5. This one is the later, corrected against the benchmark; Windows 11
# v4.0.0 and v5.0.1 number alike.
_LANMAN_24H2 = _controls(
    server_audit_client_encryption="18.6.7.1",
    server_audit_client_signing="18.6.7.2",
    server_audit_insecure_guest="18.6.7.3",
    authentication_rate_limiter="18.6.7.4",
    server_mailslots="18.6.7.5",
    server_minimum_dialect="18.6.7.6",
    authentication_rate_limiter_delay="18.6.7.7",
    audit_insecure_guest="18.6.8.1",
    audit_server_encryption="18.6.8.2",
    audit_server_signing="18.6.8.3",
    insecure_guest_disabled="18.6.8.4",
    client_mailslots="18.6.8.5",
    client_minimum_dialect="18.6.8.6",
    client_encryption="18.6.8.7",
)

# Of one framework and product the newest comes first.
BENCHMARKS = (
    Benchmark("CIS", "Windows 10", ("v4.0.0", "v3.0.0"), _GUEST_18_6 + _SECURITY_OPTIONS),
    Benchmark("CIS", "Windows 10", ("v2 (22H2)",), _GUEST_18_6),
    Benchmark("CIS", "Windows 10", ("up to 21H2",), _GUEST_18_5),
    Benchmark("CIS", "Windows 11", ("v5.0.1", "v4.0.0"), _LANMAN_24H2),
    Benchmark("CIS", "Windows 11", ("v3.0.0",), _GUEST_18_6 + _SECURITY_OPTIONS),
    Benchmark("CIS", "Windows 11", ("21H2",), _GUEST_18_5),
    Benchmark("CIS", "Windows Server 2016", ("v3", "v2"), _GUEST_18_6 + _SECURITY_OPTIONS),
    Benchmark("CIS", "Windows Server 2016", ("v1.x",), _GUEST_18_5),
    Benchmark("CIS", "Windows Server 2019", ("v4.0.0", "v3", "v2"), _GUEST_18_6 + _SECURITY_OPTIONS),
    Benchmark("CIS", "Windows Server 2019", ("v1.x",), _GUEST_18_5),
    Benchmark(
        "CIS",
        "Windows Server 2022",
        ("v4.0.0",),
        _GUEST_18_6 + _SECURITY_OPTIONS + _controls(server_minimum_dialect="18.6.7.1", client_encryption="18.6.8.2"),
    ),
    Benchmark("CIS", "Windows Server 2022", ("v3", "v2"), _GUEST_18_6 + _SECURITY_OPTIONS),
    Benchmark("CIS", "Windows Server 2022", ("v1.0.0",), _GUEST_18_5),
    Benchmark("CIS", "Windows Server 2025", ("v1.0.0",), _SECURITY_OPTIONS + _LANMAN_24H2),
    Benchmark(
        "STIG",
        "Windows 10",
        ("V3R6", "V3R5"),
        _stig(
            ("insecure_guest_disabled", "WN10-CC-000040", "V-220802 (V-63569)"),
            ("client_signing_always", "WN10-SO-000100", "V-220925 (V-63703)"),
            ("no_plaintext_password", "WN10-SO-000110", "V-220926 (V-63711)"),
            ("server_signing_always", "WN10-SO-000120", "V-220927 (V-63719)"),
        ),
    ),
    Benchmark(
        "STIG",
        "Windows 11",
        ("V2R7", "V2R6"),
        _stig(
            ("insecure_guest_disabled", "WN11-CC-000040", "V-253360"),
            ("client_signing_always", "WN11-SO-000100", "V-253449"),
            ("no_plaintext_password", "WN11-SO-000110", "V-253450"),
            ("server_signing_always", "WN11-SO-000120", "V-253451"),
        ),
    ),
    Benchmark(
        "STIG",
        "Windows Server 2016",
        ("V2R10", "V2R9"),
        _stig(
            ("insecure_guest_disabled", "WN16-CC-000080", "V-224920 (V-73507)"),
            ("client_signing_always", "WN16-SO-000190", "V-225039 (V-73653)"),
            ("client_signing_if_server_agrees", "WN16-SO-000200", "V-225040 (V-73655)"),
            ("no_plaintext_password", "WN16-SO-000210", "V-225041 (V-73657)"),
            ("server_signing_always", "WN16-SO-000230", "V-225042 (V-73661)"),
            ("server_signing_if_client_agrees", "WN16-SO-000240", "V-225043 (V-73663)"),
        ),
    ),
    Benchmark(
        "STIG",
        "Windows Server 2019",
        ("V3R8", "V3R7"),
        _stig(
            ("insecure_guest_disabled", "WN19-CC-000070", "V-205861 (V-93239)"),
            ("client_signing_always", "WN19-SO-000160", "V-205825 (V-93555)"),
            ("client_signing_if_server_agrees", "WN19-SO-000170", "V-205826 (V-93557)"),
            ("no_plaintext_password", "WN19-SO-000180", "V-205655 (V-93469)"),
            ("server_signing_always", "WN19-SO-000190", "V-205827 (V-93559)"),
            ("server_signing_if_client_agrees", "WN19-SO-000200", "V-205828 (V-93561)"),
        ),
    ),
    Benchmark(
        "STIG",
        "Windows Server 2022",
        ("V2R8", "V2R7"),
        _stig(
            ("insecure_guest_disabled", "WN22-CC-000070", "V-254339"),
            ("client_signing_always", "WN22-SO-000160", "V-254460"),
            ("client_signing_if_server_agrees", "WN22-SO-000170", "V-254461"),
            ("no_plaintext_password", "WN22-SO-000180", "V-254462"),
            ("server_signing_always", "WN22-SO-000190", "V-254463"),
            ("server_signing_if_client_agrees", "WN22-SO-000200", "V-254464"),
        ),
    ),
    Benchmark(
        "STIG",
        "Windows Server 2025",
        ("V1R1",),
        _stig(
            ("insecure_guest_disabled", "WN25-CC-000070", "V-278086"),
            ("client_signing_always", "WN25-SO-000160", "V-278210"),
            ("client_signing_if_server_agrees", "WN25-SO-000170", "V-278211"),
            ("no_plaintext_password", "WN25-SO-000180", "V-278212"),
            ("server_signing_always", "WN25-SO-000190", "V-278213"),
            ("server_signing_if_client_agrees", "WN25-SO-000200", "V-278214"),
        ),
    ),
)


def benchmarks_of(product: str) -> tuple[Benchmark, ...]:
    return tuple(row for row in BENCHMARKS if row.product == product)


def product_of(kind: str, build: int) -> str | None:
    """What benchmarks call this Windows; None where none of the table is for it."""
    return next((row.name for row in PRODUCTS if row.kind == kind and row.first_build <= build <= row.last_build), None)
