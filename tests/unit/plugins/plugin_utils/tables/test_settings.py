# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table of settings against the design's table, typed here a second time."""

from __future__ import annotations

import pytest

from ansible_collections.winops.smb_guest.plugins.plugin_utils.tables import settings
from ansible_collections.winops.smb_guest.plugins.plugin_utils.tables.settings import SETTINGS, Layer, Side

CLIENT_POLICY = r"SOFTWARE\Policies\Microsoft\Windows\LanmanWorkstation"
SERVER_POLICY = r"SOFTWARE\Policies\Microsoft\Windows\LanmanServer"
CLIENT_LOCAL = r"SYSTEM\CurrentControlSet\Services\LanmanWorkstation\Parameters"
SERVER_LOCAL = r"SYSTEM\CurrentControlSet\Services\LanmanServer\Parameters"
CLIENT_MDM = r"SOFTWARE\Microsoft\PolicyManager\current\device\LanmanWorkstation"
SERVER_MDM = r"SOFTWARE\Microsoft\PolicyManager\current\device\LanmanServer"

NEW, OLD, GUEST_BUILD = 26100, 9200, 14393
# name: side, words, CIM property, local value, policy value, MDM value, first build, secure value, events
ROWS = {
    "insecure_guest_logons": (
        "client", ("allowed", "blocked"), "EnableInsecureGuestLogons",
        "AllowInsecureGuestAuth", "AllowInsecureGuestAuth", "EnableInsecureGuestLogons",
        GUEST_BUILD, False, (31017, 31018, 31022),
    ),
    "client_signing": (
        "client", ("required", "not_required"), "RequireSecuritySignature",
        "RequireSecuritySignature", None, None, OLD, True, (),
    ),
    "client_encryption": (
        "client", ("required", "not_required"), "RequireEncryption",
        "RequireEncryption", "RequireEncryption", "RequireEncryption", NEW, True, (),
    ),
    "audit_insecure_guest_logons": (
        "client", ("enabled", "disabled"), "AuditInsecureGuestLogon",
        *["AuditInsecureGuestLogon"] * 3, NEW, None, (31997,),
    ),
    "audit_server_without_signing": (
        "client", ("enabled", "disabled"), "AuditServerDoesNotSupportSigning",
        *["AuditServerDoesNotSupportSigning"] * 3, NEW, None, (31998,),
    ),
    "audit_server_without_encryption": (
        "client", ("enabled", "disabled"), "AuditServerDoesNotSupportEncryption",
        *["AuditServerDoesNotSupportEncryption"] * 3, NEW, None, (31999,),
    ),
    "server_signing": (
        "server", ("required", "not_required"), "RequireSecuritySignature",
        "RequireSecuritySignature", None, None, OLD, True, (),
    ),
    "server_encryption": (
        "server", ("required", "not_required"), "EncryptData", "EncryptData", None, None, OLD, True, (),
    ),
    "server_audit_insecure_guest_logons": (
        "server", ("enabled", "disabled"), "AuditInsecureGuestLogon",
        *["AuditInsecureGuestLogon"] * 3, NEW, None, (3023,),
    ),
    "server_audit_client_without_signing": (
        "server", ("enabled", "disabled"), "AuditClientDoesNotSupportSigning",
        *["AuditClientDoesNotSupportSigning"] * 3, NEW, None, (3021,),
    ),
    "server_audit_client_without_encryption": (
        "server", ("enabled", "disabled"), "AuditClientDoesNotSupportEncryption",
        *["AuditClientDoesNotSupportEncryption"] * 3, NEW, None, (3022,),
    ),
}  # fmt: skip


def test_one_row_per_setting_of_the_design() -> None:
    assert list(SETTINGS) == list(ROWS)


@pytest.mark.parametrize("name", ROWS)
def test_row(name: str) -> None:
    row = SETTINGS[name]
    names = [row.names.get(layer) for layer in (Layer.LOCAL, Layer.POLICY, Layer.MDM)]
    assert row.name == name
    assert (
        row.side.value,
        (row.words.true, row.words.false),
        row.cim_property,
        *names,
        row.first_build,
        row.secure,
        row.events,
    ) == ROWS[name]
    assert row.source
    assert str(row.first_build) not in row.first_release
    assert [row.has(layer) for layer in (Layer.LOCAL, Layer.POLICY, Layer.MDM)] == [each is not None for each in names]


@pytest.mark.parametrize("name", ROWS)
def test_location_is_what_an_administrator_looks_up(name: str) -> None:
    row = SETTINGS[name]
    keys = {
        ("client", Layer.LOCAL): CLIENT_LOCAL,
        ("client", Layer.POLICY): CLIENT_POLICY,
        ("client", Layer.MDM): CLIENT_MDM,
        ("server", Layer.LOCAL): SERVER_LOCAL,
        ("server", Layer.POLICY): SERVER_POLICY,
        ("server", Layer.MDM): SERVER_MDM,
    }
    for layer, value in row.names.items():
        if layer is not Layer.LOCAL_GPO:
            assert row.location(layer) == "HKLM\\" + keys[row.side.value, layer] + "\\" + value


@pytest.mark.parametrize("name", ROWS)
def test_location_in_the_local_gpo_is_a_file_and_its_entry(name: str) -> None:
    row = SETTINGS[name]
    assert row.has(Layer.LOCAL_GPO) is row.has(Layer.POLICY)
    if row.group_policy and row.has(Layer.LOCAL_GPO):
        entry = f"{row.group_policy.key}\\{row.names[Layer.POLICY]}"
        file = r"%SystemRoot%\System32\GroupPolicy\Machine\Registry.pol"
        assert row.location(Layer.LOCAL_GPO) == f"{file}: {entry}"


# What the editors show: name in the ADMX file (None: a security option), words. A setting without a policy is missing.
EDITORS = {
    "insecure_guest_logons": ("Pol_EnableInsecureGuestLogons", "Enable insecure guest logons"),
    "client_signing": (None, "Microsoft network client: Digitally sign communications (always)"),
    "client_encryption": ("Pol_RequireEncryption", "Require Encryption"),
    "audit_insecure_guest_logons": ("Pol_AuditInsecureGuestLogon", "Audit insecure guest logon"),
    "audit_server_without_signing": ("Pol_AuditServerDoesNotSupportSigning", "Audit server does not support signing"),
    "audit_server_without_encryption": (
        "Pol_AuditServerDoesNotSupportEncryption", "Audit server does not support encryption",
    ),
    "server_signing": (None, "Microsoft network server: Digitally sign communications (always)"),
    "server_audit_insecure_guest_logons": ("Pol_AuditInsecureGuestLogon", "Audit insecure guest logon"),
    "server_audit_client_without_signing": (
        "Pol_AuditClientDoesNotSupportSigning", "Audit client does not support signing",
    ),
    "server_audit_client_without_encryption": (
        "Pol_AuditClientDoesNotSupportEncryption", "Audit client does not support encryption",
    ),
}  # fmt: skip


def test_the_words_of_the_group_policy_editors() -> None:
    policies = {name: row.group_policy for name, row in SETTINGS.items() if row.group_policy}
    assert {name: (policy.admx_name, policy.title) for name, policy in policies.items()} == EDITORS
    for name, policy in policies.items():
        row = SETTINGS[name]
        # A template writes the policy value, a security option the local one: the same key, spelled as the editor does.
        layer = Layer.POLICY if policy.admx_name else Layer.LOCAL
        assert row.has(Layer.POLICY) is bool(policy.admx_name)
        assert policy.key.lower() == settings.KEYS[row.side][layer].lower()
        node = "Network > Lanman " if policy.admx_name else "Local Policies > Security Options"
        assert node in policy.folder
        assert ("Workstation" in policy.folder) is bool(policy.admx_name and row.side is Side.CLIENT)


@pytest.mark.parametrize("name", ROWS)
def test_words_go_both_ways(name: str) -> None:
    words = SETTINGS[name].words
    assert words.choices == (words.true, words.false, "default")
    for value in (True, False):
        assert words.value(words.word(value)) is value
    assert words.value("default") is None
    with pytest.raises(KeyError):
        words.value("perhaps")


def test_two_settings_never_share_a_value_or_a_property() -> None:
    locations = [row.location(layer) for row in SETTINGS.values() for layer in row.names]
    assert len(locations) == len(set(locations))
    assert len({(row.side, row.cim_property) for row in SETTINGS.values()}) == len(SETTINGS)


def test_nothing_manages_what_has_no_effect_or_opens_smb1() -> None:
    named = {name for row in SETTINGS.values() for name in (row.cim_property, *row.names.values())}
    assert "EnableSecuritySignature" not in named
    assert not any("SMB1" in name.upper() for name in named)


def test_groups() -> None:
    assert settings.GUEST.name == "insecure_guest_logons"
    assert [row.name for row in settings.GUEST_BLOCKERS] == ["client_signing", "client_encryption"]
    assert {row.name for row in settings.AUDITS} == {name for name in ROWS if "audit" in name}
    for side in Side:
        assert {row.name for row in settings.on_side(side)} == {n for n, row in ROWS.items() if row[0] == side.value}


def test_the_table_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        SETTINGS["other"] = SETTINGS["client_signing"]  # type: ignore[index]
    with pytest.raises(TypeError):
        settings.GUEST.names[Layer.LOCAL] = "other"  # type: ignore[index]
