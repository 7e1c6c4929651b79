# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The scope local_gpo in the engine: what it brings with it, when it is written, what is predicted and refused."""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import Any

import pytest
from in_process import session

from ansible_collections.winops.smb_guest.plugins.plugin_utils.actions.options import read_scopes
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change import write
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.cell import Cell
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.configure import configure
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.journal import Host
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.plan import (
    Change,
    DesiredSetting,
    Rules,
    in_order,
)
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.request import ChangeTerms, Request
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.result import Outcome
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.revert import Selection, revert
from ansible_collections.winops.smb_guest.plugins.plugin_utils.core.errors import (
    HostError,
    HostUnreachable,
    RequestError,
    worded,
)
from ansible_collections.winops.smb_guest.plugins.plugin_utils.tables.settings import SETTINGS, Layer, Scope
from ansible_collections.winops.smb_guest.plugins.plugin_utils.windows.local_policy import LocalPolicy
from simulated_windows.in_process import InProcessHost, differences
from simulated_windows.local_group_policy import FOLDER, GPT_INI, REGISTRY_POL

GUEST, ENCRYPTION = SETTINGS["insecure_guest_logons"], SETTINGS["client_encryption"]
KEY, NAME = r"Software\Policies\Microsoft\Windows\LanmanWorkstation", "AllowInsecureGuestAuth"
FILES = (Scope.POLICY, Scope.LOCAL_GPO)
INI = (
    b"[General]\r\nVersion=1\r\n"
    b"gPCMachineExtensionNames=[{35378EAC-683F-11D2-A89A-00C04FBBCFA2}{D02B1F72-3407-48AE-BA88-E8213C6761F1}]\r\n"
)


def entry(name: str, type_: int, data: bytes) -> bytes:
    text = b";\0".join(f"{part}\0".encode("utf-16-le") for part in (KEY, name))
    numbers = type_.to_bytes(4, "little"), len(data).to_bytes(4, "little")
    return b"[\0" + b";\0".join((text, *numbers, data)) + b"]\0"


def host_with(*entries: bytes, **spec: Any) -> InProcessHost:
    host = InProcessHost("windows_11_24h2_pro", **spec)
    host.host.files.make_folder(rf"{FOLDER}\Machine")
    host.host.files.write(REGISTRY_POL, b"PReg\x01\0\0\0" + b"".join(entries))
    host.host.files.write(GPT_INI, INI)
    return host


def run(host: InProcessHost, value: bool | None, *scopes: Scope, check: bool = False) -> Outcome:
    request = Request([DesiredSetting(GUEST, value)], Rules(scopes or (Scope.POLICY, Scope.LOCAL_GPO)))
    return configure(Host(session(host)), request, check_mode=check)


def test_the_files_bring_the_policy_value_with_them() -> None:
    assert read_scopes({"scope": ["local_gpo"]}) == (Scope.POLICY, Scope.LOCAL_GPO)
    assert read_scopes({"scope": ["local_gpo", "local"]}) == (Scope.LOCAL, Scope.POLICY, Scope.LOCAL_GPO)
    assert read_scopes({"scope": ["policy"]}) == (Scope.POLICY,)
    with pytest.raises(RequestError, match="Give one or more of local, policy, local_gpo"):
        read_scopes({"scope": []})


@pytest.mark.parametrize("value", [True, False])
def test_the_files_are_written_last(value: bool) -> None:
    changes = [Change(Cell(setting, scope), None, value) for setting in (GUEST, ENCRYPTION) for scope in Scope]
    for order in itertools.permutations(changes):
        scopes = [change.cell.scope for change in in_order(order)]
        assert scopes[-2:] == [Scope.LOCAL_GPO] * 2
        assert Scope.LOCAL_GPO not in scopes[:-2]


@pytest.mark.parametrize("value", [True, False, None])
def test_check_mode_predicts_what_the_run_does(value: bool | None) -> None:
    host = host_with(entry(NAME, 4, (0 if value else 1).to_bytes(4, "little")))
    predicted = run(host, value, check=True)
    done = run(host, value)
    assert predicted.plan == done.plan
    assert predicted.as_dict()["after"] == done.as_dict()["after"]
    assert run(host, value).plan.changes == ()


def test_check_mode_predicts_every_setting_in_the_files() -> None:
    host = host_with(entry(NAME, 4, bytes(4)), policy={NAME: 1, "RequireEncryption": 0})
    request = Request([DesiredSetting(GUEST, True), DesiredSetting(ENCRYPTION, False)], Rules(FILES))
    predicted = configure(Host(session(host)), request, check_mode=True)
    assert [change.cell.in_local_gpo for change in predicted.plan.changes] == [True, True]
    done = configure(Host(session(host)), request, check_mode=False)
    assert predicted.as_dict()["after"] == done.as_dict()["after"]
    (warning,) = [text for text in done.warnings if "has no entry for" in text]
    assert (GUEST.location(Layer.POLICY) in warning, ENCRYPTION.location(Layer.POLICY) in warning) == (False, True)


def test_the_files_alone_make_nothing_run() -> None:
    """A policy value that the client has not taken over yet stays so."""
    host = host_with(quirks={"running_follows_registry": False})
    host.edit(f"HKLM\\{KEY}", NAME, 1, apply=False)
    predicted = run(host, True, check=True)
    assert [change.cell.in_local_gpo for change in predicted.plan.changes] == [True]
    assert predicted.after["insecure_guest_logons"].observed.running is False
    assert predicted.as_dict()["after"] == run(host, True).as_dict()["after"]


def test_only_the_files_lag_behind() -> None:
    host = InProcessHost("windows_11_24h2_pro", policy={NAME: 1})
    before = host.client.running
    outcome = run(host, True)
    assert [change.cell.scope for change in outcome.plan.changes] == [Scope.LOCAL_GPO]
    assert outcome.after["insecure_guest_logons"].observed.layer(Layer.LOCAL_GPO) is not None
    assert host.client.running == before
    assert any("has no entry for HKLM" in text for text in outcome.all_warnings())


@pytest.mark.parametrize(
    "odd", [entry("**del." + NAME, 1, b" \0\0\0"), entry(NAME, 4, b"\1"), entry(NAME, 4, bytes(4)) * 2]
)
def test_what_could_not_be_restored_is_not_written_over(odd: bytes) -> None:
    host = host_with(odd)
    before = host.snapshot()
    with pytest.raises(RequestError, match=r"Registry\.pol: .*an instruction of another kind: .*Delete or correct it"):
        run(host, True)
    assert host.snapshot() == before


@pytest.mark.parametrize("check", [True, False])
def test_no_end_can_undo_the_files(check: bool) -> None:
    host = host_with()
    before = host.snapshot()
    request = Request([DesiredSetting(GUEST, True)], Rules(FILES), ChangeTerms(expires_in=timedelta(hours=1)))
    with pytest.raises(RequestError, match="A change of the local GPO cannot expire"):
        configure(Host(session(host)), request, check_mode=check)
    assert host.snapshot() == before


def test_a_text_where_a_number_belongs_is_restored_exactly() -> None:
    host = host_with(entry(NAME, 1, "1\0".encode("utf-16-le")))
    found = host.host.files.read(REGISTRY_POL)
    request = Request([DesiredSetting(GUEST, True)], Rules((Scope.POLICY, Scope.LOCAL_GPO)), ChangeTerms(change_id="x"))
    configure(Host(session(host)), request, check_mode=False)
    assert host.host.files.read(REGISTRY_POL) != found
    revert(Host(session(host)), Selection(change_id="x"), force=False, check_mode=False)
    assert host.host.files.read(REGISTRY_POL) == found


def test_files_that_cannot_be_restored_keep_no_other_value_from_it() -> None:
    host = host_with(entry(NAME, 4, bytes(4)))
    before, found = host.snapshot(), host.host.files.read(REGISTRY_POL)
    request = Request([DesiredSetting(GUEST, True)], Rules((Scope.POLICY, Scope.LOCAL_GPO)), ChangeTerms(change_id="x"))
    configure(Host(session(host)), request, check_mode=False)
    written = host.host.files.read(REGISTRY_POL)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(write, "write_values", _refuse)
        with pytest.raises(HostError, match=r"could not be reverted whole: .*Registry\.pol.*no room left"):
            revert(Host(session(host)), Selection(change_id="x"), force=False, check_mode=False)
        assert host.host.files.read(REGISTRY_POL) == written
        assert differences(before, host.snapshot(), ignoring=[r"HKLM\SOFTWARE\winops"], parts=("registry",)) == []
        patch.setattr(write, "write_values", _vanish)
        with pytest.raises(HostUnreachable) as caught:
            revert(Host(session(host)), Selection(change_id="x"), force=False, check_mode=False)
        assert any("run it again to finish" in remark for remark in caught.value.remarks)
    revert(Host(session(host)), Selection(change_id="x"), force=False, check_mode=False)
    assert host.host.files.read(REGISTRY_POL) == found


def _refuse(*_args: object) -> None:
    raise HostError("There is no room left.")


def _vanish(*_args: object) -> None:
    raise HostUnreachable("Gone.")


def updated(
    host: InProcessHost, scopes: tuple[Scope, ...] = FILES, *, asked: bool = True, name: str | None = None
) -> Outcome:
    """Guest logons are allowed, and the host applies its policy where that is asked for."""
    request = Request([DesiredSetting(GUEST, True)], Rules(scopes), ChangeTerms(change_id=name), gpupdate=asked)
    return configure(Host(session(host)), request, check_mode=False)


@pytest.mark.parametrize("name", [None, "x"])
def test_gpupdate_is_run_where_it_is_asked_for_and_the_files_were_changed(
    name: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs: list[bool] = []
    monkeypatch.setattr(LocalPolicy, "refresh", lambda _self: runs.append(True))
    for scopes, asked, expected in ((FILES, True, 1), (FILES, False, 0), ((Scope.POLICY,), True, 0)):
        host = host_with(entry(NAME, 4, bytes(4)))
        assert updated(host, scopes, asked=asked, name=name).verified
        assert updated(host, scopes, asked=asked, name="again").plan.changes == (), "nothing was changed"
        assert len(runs) == expected, (scopes, asked)
        runs.clear()


@pytest.mark.parametrize("name", [None, "x"])
def test_what_the_host_holds_after_gpupdate_is_what_is_reported(name: str | None) -> None:
    plain = updated(host_with(entry(NAME, 4, bytes(4))), name=name)
    assert plain.after["insecure_guest_logons"].effective is True
    assert not any("Policy was refreshed" in text for text in plain.all_warnings())
    host = InProcessHost("windows_11_24h2_pro", policy={NAME: 0})  # what another GPO says, and says again
    outcome = updated(host, name=name)
    assert outcome.after["insecure_guest_logons"].effective is False
    assert [text for text in outcome.warnings if "Policy was refreshed" in text] == [
        f"Policy was refreshed, and now {GUEST.location(Layer.POLICY)} is 0: another Group Policy decides it."
    ]
    assert any("has no entry for HKLM" in text for text in outcome.warnings), "earlier warnings are not lost"


def test_a_local_default_that_is_stored_by_storing_none_is_no_other_policy() -> None:
    host = InProcessHost(quirks={"set_stores_no_default": True})
    configure(Host(session(host)), Request([DesiredSetting(GUEST, True)]), check_mode=False)
    everywhere = Request([DesiredSetting(GUEST, False)], Rules((Scope.LOCAL, *FILES)), gpupdate=True)
    outcome = configure(Host(session(host)), everywhere, check_mode=False)
    assert outcome.after["insecure_guest_logons"].observed.layer(Layer.LOCAL) is None
    assert not any("Policy was refreshed" in text for text in outcome.warnings)


@pytest.mark.parametrize("name", [None, "x"])
def test_a_gpupdate_that_fails_undoes_nothing_and_says_what_stands(
    name: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for error in (HostError("It failed."), HostUnreachable("Gone."), KeyboardInterrupt()):
        host = InProcessHost("windows_11_24h2_pro", policy={NAME: 0})

        def refresh(_self: LocalPolicy, error: BaseException = error) -> None:
            raise error

        monkeypatch.setattr(LocalPolicy, "refresh", refresh)
        if isinstance(error, HostError) and not isinstance(error, HostUnreachable):
            outcome = updated(host, name=name)
            assert any(text.endswith("gpupdate did not end well: It failed.") for text in outcome.warnings)
            assert any("has no entry for HKLM" in text for text in outcome.warnings)
        else:
            with pytest.raises(type(error)) as caught:
                updated(host, name=name)
            said = [worded(caught.value), *getattr(caught.value, "__notes__", ())]
            assert said[-1].endswith("The change was made and verified.")
            assert getattr(caught.value, "changed", True) is True
        value = host.registry.get(f"HKLM\\{KEY}", NAME)
        assert value is not None
        assert value.data == 1


def test_other_warnings_are_not_lost_by_gpupdate(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_self: LocalPolicy) -> None:
        raise HostError("It failed.")

    for refresh in (lambda _self: None, fail):
        host = host_with()
        ends = Request(
            [DesiredSetting(GUEST, False)], Rules((Scope.POLICY,)), ChangeTerms("low", expires_in=timedelta(hours=1))
        )
        configure(Host(session(host)), ends, check_mode=False)
        host.inject("access_denied", match="RegisterByXml", times=0)
        monkeypatch.setattr(LocalPolicy, "refresh", refresh)
        assert any("The end of the change low" in text for text in updated(host, name="x").warnings)


def test_home_editions_are_warned_that_the_files_may_do_nothing() -> None:
    for preset, scopes, is_warned in (
        ("windows_11_24h2_home", FILES, True),
        ("windows_11_24h2_home", (Scope.POLICY,), False),
        ("windows_11_24h2_pro", FILES, False),
    ):
        outcome = updated(InProcessHost(preset), scopes, asked=False)
        assert any("is not confirmed" in text for text in outcome.warnings) is is_warned, (preset, scopes)
        assert not any("has no entry for" in text for text in outcome.warnings), "no policy value is there"


def test_who_does_not_write_the_files_gets_no_warning_of_them() -> None:
    """Beneath a policy that the files have no entry for, on a home edition."""
    host = InProcessHost("windows_11_24h2_home", policy={NAME: 1})
    request = Request([DesiredSetting(GUEST, False)], Rules((Scope.LOCAL,), tolerate_managed=True))
    outcome = configure(Host(session(host)), request, check_mode=False)
    assert (len(outcome.plan.changes), outcome.warnings) == (1, ())
    host = InProcessHost("windows_11_24h2_home", policy={NAME: 1})
    request = Request([DesiredSetting(GUEST, None)], Rules((Scope.LOCAL,), tolerate_managed=True))
    assert configure(Host(session(host)), request, check_mode=True).warnings == ()


def test_nobody_who_does_not_ask_starts_a_process() -> None:
    host = host_with(entry(NAME, 4, bytes(4)))
    run(host, True, Scope.LOCAL, Scope.POLICY)
    assert not [row for row in host.messages if "shell" in row["resource"]]
