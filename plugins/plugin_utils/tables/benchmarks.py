# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one table of benchmark ids: which product and version numbers a control of `compliance.py` how.

An id means nothing without its benchmark version.

Sources:
  [STIG] DISA xccdf files as archived in PowerStig, releases as named below; their check text says "if the following
         registry value does not exist or is not configured as specified, this is a finding"
  [CIS]  the ansible-lockdown CIS roles, the Wazuh SCA rules and the HardeningKitty lists of each product; the benchmark
         texts were not available. `confidence` says whether one of them or more name an id.
"""

from __future__ import annotations

from .compliance import CONFIRMED, CONFLICT, SINGLE_SOURCE, Benchmark, Control


def _controls(confidence: str = CONFIRMED, **ids: str) -> tuple[Control, ...]:
    return tuple(Control(topic, control_id, confidence=confidence) for topic, control_id in ids.items())


def _doors(kind: str, smb1: int, guest: str, deny: str = "", confidence: str = CONFIRMED) -> tuple[Control, ...]:
    """The CIS controls on the other doors.

    Args:
        kind: `client` or `server`.
        smb1: Last part of the id of the SMB1 client driver; that of the server follows it.
        guest: Id of the Guest account.
        deny: Id of the user right; empty where it was not seen.
        confidence: Of these ids.
    """
    client = kind == "client"
    ids = {
        "smb1_client_disabled": f"18.4.{smb1}",
        "smb1_server_disabled": f"18.4.{smb1 + 1}",
        "guest_account_disabled": guest,
        "force_guest_classic": "2.3.10.12" if client else "2.3.10.13",
        "guests_denied_network": deny,
        "anonymous_accounts": "2.3.10.2",
        "anonymous_shares": "2.3.10.3",
        "everyone_without_anonymous": "2.3.10.5",
        "null_session_pipes": "2.3.10.6" if client else "2.3.10.6 (DC), 2.3.10.7 (MS)",
        "null_session_restricted": "2.3.10.9" if client else "2.3.10.10",
        "null_session_shares": "2.3.10.11" if client else "2.3.10.12",
        "null_session_fallback": "2.3.11.2",
    }
    return _controls(confidence, **{topic: number for topic, number in ids.items() if number})


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
_DOORS_21H2 = _controls(
    SINGLE_SOURCE, smb1_client_disabled="18.3.2", smb1_server_disabled="18.3.3", guest_account_disabled="2.3.1.3"
)
_DENY_V2, _DENY = "2.2.20 (DC), 2.2.21 (MS)", "2.2.21 (DC), 2.2.22 (MS)"
_GUEST_18_6 = _controls(insecure_guest_disabled="18.6.8.1")


def _lanman_24h2(guest: str = CONFIRMED) -> tuple[Control, ...]:
    """guest: how sure the ids of the client are, from insecure guest logons on."""
    return _controls(
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
    ) + _controls(
        guest,
        insecure_guest_disabled="18.6.8.4",
        client_mailslots="18.6.8.5",
        client_minimum_dialect="18.6.8.6",
        client_encryption="18.6.8.7",
    )


# Two public lists of Server 2025 v1.0.0 differ. An older one has the rate limiter twice, among the client's controls as
# well, and so insecure guest logons at 18.6.8.5. This one is the later, corrected against the benchmark; Windows 11
# v4.0.0 and v5.0.1 number alike.
# Of one framework and product the newest comes first.
BENCHMARKS = (
    Benchmark("CIS", "Windows 10", ("v4.0.0",), _GUEST_18_6 + _SECURITY_OPTIONS + _doors("client", 2, "2.3.1.2")),
    Benchmark(
        "CIS", "Windows 10", ("v3.0.0",), _GUEST_18_6 + _SECURITY_OPTIONS + _doors("client", 3, "2.3.1.2", "2.2.16")
    ),
    Benchmark("CIS", "Windows 10", ("v2 (22H2)",), _GUEST_18_6),
    Benchmark("CIS", "Windows 10", ("up to 21H2",), _GUEST_18_5 + _DOORS_21H2),
    Benchmark("CIS", "Windows 11", ("v5.0.1",), _lanman_24h2()),
    Benchmark(
        "CIS", "Windows 11", ("v4.0.0",), _lanman_24h2() + _doors("client", 2, "2.3.1.1", "2.2.16", SINGLE_SOURCE)
    ),
    Benchmark(
        "CIS", "Windows 11", ("v3.0.0",), _GUEST_18_6 + _SECURITY_OPTIONS + _doors("client", 3, "2.3.1.2", "2.2.16")
    ),
    Benchmark("CIS", "Windows 11", ("21H2",), _GUEST_18_5 + _DOORS_21H2),
    Benchmark(
        "CIS", "Windows Server 2016", ("v3",), _GUEST_18_6 + _SECURITY_OPTIONS + _doors("server", 3, "2.3.1.2", _DENY)
    ),
    Benchmark(
        "CIS",
        "Windows Server 2016",
        ("v2",),
        _GUEST_18_6 + _SECURITY_OPTIONS + _controls(guests_denied_network=_DENY_V2),
    ),
    Benchmark("CIS", "Windows Server 2016", ("v1.x",), _GUEST_18_5),
    Benchmark(
        "CIS",
        "Windows Server 2019",
        ("v4.0.0",),
        _GUEST_18_6 + _SECURITY_OPTIONS + _doors("server", 2, "2.3.1.1", _DENY, SINGLE_SOURCE),
    ),
    Benchmark(
        "CIS", "Windows Server 2019", ("v3",), _GUEST_18_6 + _SECURITY_OPTIONS + _doors("server", 3, "2.3.1.2", _DENY)
    ),
    Benchmark(
        "CIS",
        "Windows Server 2019",
        ("v2",),
        _GUEST_18_6 + _SECURITY_OPTIONS + _doors("server", 3, "2.3.1.2", _DENY_V2),
    ),
    Benchmark("CIS", "Windows Server 2019", ("v1.x",), _GUEST_18_5),
    Benchmark(
        "CIS",
        "Windows Server 2022",
        ("v4.0.0",),
        _GUEST_18_6
        + _SECURITY_OPTIONS
        + _controls(server_minimum_dialect="18.6.7.1", client_encryption="18.6.8.2")
        + _doors("server", 2, "2.3.1.1", _DENY),
    ),
    Benchmark(
        "CIS", "Windows Server 2022", ("v3",), _GUEST_18_6 + _SECURITY_OPTIONS + _doors("server", 3, "2.3.1.2", _DENY)
    ),
    Benchmark(
        "CIS",
        "Windows Server 2022",
        ("v2",),
        _GUEST_18_6 + _SECURITY_OPTIONS + _doors("server", 3, "2.3.1.2", _DENY_V2),
    ),
    Benchmark("CIS", "Windows Server 2022", ("v1.0.0",), _GUEST_18_5 + _DOORS_21H2),
    Benchmark(
        "CIS",
        "Windows Server 2025",
        ("v1.0.0",),
        _SECURITY_OPTIONS + _lanman_24h2(CONFLICT) + _doors("server", 2, "2.3.1.1", _DENY),
    ),
    Benchmark(
        "STIG",
        "Windows 10",
        ("V3R6", "V3R5"),
        _stig(
            ("insecure_guest_disabled", "WN10-CC-000040", "V-220802 (V-63569)"),
            ("client_signing_always", "WN10-SO-000100", "V-220925 (V-63703)"),
            ("no_plaintext_password", "WN10-SO-000110", "V-220926 (V-63711)"),
            ("server_signing_always", "WN10-SO-000120", "V-220927 (V-63719)"),
            ("smb1_removed_or_disabled", "WN10-00-000160", "V-220729"),
            ("smb1_removed_or_disabled", "WN10-00-000165", "V-220730"),
            ("smb1_removed_or_disabled", "WN10-00-000170", "V-220731"),
            ("guest_account_disabled", "WN10-SO-000010", "V-220909"),
            ("guest_account_renamed", "WN10-SO-000025", "V-220912"),
            ("guests_denied_network", "WN10-UR-000070", "V-220968"),
            ("anonymous_accounts", "WN10-SO-000145", "V-220929"),
            ("anonymous_shares", "WN10-SO-000150", "V-220930"),
            ("everyone_without_anonymous", "WN10-SO-000160", "V-220931"),
            ("null_session_restricted", "WN10-SO-000165", "V-220932"),
            ("null_session_fallback", "WN10-SO-000180", "V-220934"),
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
            ("smb1_removed_or_disabled", "WN11-00-000160", "V-253286"),
            ("smb1_removed_or_disabled", "WN11-00-000165", "V-253287"),
            ("smb1_removed_or_disabled", "WN11-00-000170", "V-253288"),
            ("guest_account_disabled", "WN11-SO-000010", "V-253433"),
            ("guest_account_renamed", "WN11-SO-000025", "V-253436"),
            ("guests_denied_network", "WN11-UR-000070", "V-253491"),
            ("anonymous_accounts", "WN11-SO-000145", "V-253453"),
            ("anonymous_shares", "WN11-SO-000150", "V-253454"),
            ("everyone_without_anonymous", "WN11-SO-000160", "V-253455"),
            ("null_session_restricted", "WN11-SO-000165", "V-253456"),
            ("null_session_fallback", "WN11-SO-000180", "V-253458"),
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
            ("smb1_removed_or_disabled", "WN16-00-000410", "V-224856"),
            ("smb1_removed_or_disabled", "WN16-00-000411", "V-224857"),
            ("smb1_removed_or_disabled", "WN16-00-000412", "V-224858"),
            ("guest_account_disabled", "WN16-SO-000010", "V-225024"),
            ("guest_account_renamed", "WN16-SO-000040", "V-225027"),
            ("guests_denied_network", "WN16-DC-000370", "V-225000"),
            ("guests_denied_network", "WN16-MS-000370", "V-225015"),
            ("anonymous_accounts", "WN16-SO-000260", "V-225045"),
            ("anonymous_shares", "WN16-SO-000270", "V-225046"),
            ("everyone_without_anonymous", "WN16-SO-000290", "V-225047"),
            ("null_session_restricted", "WN16-SO-000300", "V-225048"),
            ("null_session_fallback", "WN16-SO-000330", "V-225050"),
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
            ("smb1_removed_or_disabled", "WN19-00-000380", "V-205682"),
            ("smb1_removed_or_disabled", "WN19-00-000390", "V-205683"),
            ("smb1_removed_or_disabled", "WN19-00-000400", "V-205684"),
            ("guest_account_disabled", "WN19-SO-000010", "V-205709"),
            ("guest_account_renamed", "WN19-SO-000040", "V-205910"),
            ("guests_denied_network", "WN19-DC-000370", "V-205667"),
            ("guests_denied_network", "WN19-MS-000080", "V-205672"),
            ("anonymous_accounts", "WN19-SO-000220", "V-205914"),
            ("anonymous_shares", "WN19-SO-000230", "V-205724"),
            ("everyone_without_anonymous", "WN19-SO-000240", "V-205915"),
            ("null_session_restricted", "WN19-SO-000250", "V-205725"),
            ("null_session_fallback", "WN19-SO-000270", "V-205917"),
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
            ("smb1_removed_or_disabled", "WN22-00-000380", "V-254275"),
            ("smb1_removed_or_disabled", "WN22-00-000390", "V-254276"),
            ("smb1_removed_or_disabled", "WN22-00-000400", "V-254277"),
            ("guest_account_disabled", "WN22-SO-000010", "V-254445"),
            ("guest_account_renamed", "WN22-SO-000040", "V-254448"),
            ("guests_denied_network", "WN22-DC-000370", "V-254421"),
            ("guests_denied_network", "WN22-MS-000080", "V-254435"),
            ("anonymous_accounts", "WN22-SO-000220", "V-254466"),
            ("anonymous_shares", "WN22-SO-000230", "V-254467"),
            ("everyone_without_anonymous", "WN22-SO-000240", "V-254468"),
            ("null_session_restricted", "WN22-SO-000250", "V-254469"),
            ("null_session_fallback", "WN22-SO-000270", "V-254471"),
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
            ("smb1_removed_or_disabled", "WN25-00-000380", "V-278023"),
            ("smb1_removed_or_disabled", "WN25-00-000390", "V-278024"),
            ("smb1_removed_or_disabled", "WN25-00-000400", "V-278025"),
            ("guest_account_disabled", "WN25-SO-000010", "V-278195"),
            ("guest_account_renamed", "WN25-SO-000040", "V-278198"),
            ("guests_denied_network", "WN25-DC-000370", "V-278168"),
            ("guests_denied_network", "WN25-MS-000080", "V-278184"),
            ("anonymous_accounts", "WN25-SO-000220", "V-278216"),
            ("anonymous_shares", "WN25-SO-000230", "V-278217"),
            ("everyone_without_anonymous", "WN25-SO-000240", "V-278218"),
            ("null_session_restricted", "WN25-SO-000250", "V-278219"),
            ("null_session_fallback", "WN25-SO-000270", "V-278221"),
        ),
    ),
)


def benchmarks_of(product: str) -> tuple[Benchmark, ...]:
    return tuple(row for row in BENCHMARKS if row.product == product)
