# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table of benchmark controls, and judging by it: what is in force, and what a scanner reads."""

from __future__ import annotations

from datetime import UTC, datetime
from random import Random
from typing import Any

import pytest

from ansible_collections.winops.smb_guest.plugins.plugin_utils.report.compliance import judge_host
from ansible_collections.winops.smb_guest.plugins.plugin_utils.report.host_posture import read_host
from ansible_collections.winops.smb_guest.plugins.plugin_utils.tables.benchmarks import BENCHMARKS, benchmarks_of
from ansible_collections.winops.smb_guest.plugins.plugin_utils.tables.compliance import PRODUCTS, TOPICS, product_of
from ansible_collections.winops.smb_guest.plugins.plugin_utils.tables.os_defaults import RELEASES
from ansible_collections.winops.smb_guest.plugins.plugin_utils.tables.settings import SETTINGS, Layer
from ansible_collections.winops.smb_guest.tests.report.invented_fleet import posture, state

NOW = datetime(2026, 11, 25, tzinfo=UTC)
GUEST = "insecure_guest_disabled"


def test_a_topic_asks_for_a_setting_in_a_layer_that_can_hold_it() -> None:
    for name, topic in TOPICS.items():
        if topic.setting:
            assert SETTINGS[topic.setting].has(Layer(topic.looks_at)), name
            assert SETTINGS[topic.setting].secure in (None, topic.wanted), name


def test_every_benchmark_is_of_a_product_and_numbers_a_topic_once() -> None:
    for row in BENCHMARKS:
        assert row.product in {product.name for product in PRODUCTS}
        assert row.versions
        topics, ids = [control.topic for control in row.controls], [control.control_id for control in row.controls]
        assert set(topics) <= set(TOPICS)
        # Rules that are alternatives, and those for domain controllers and members, share a topic.
        several = {name for name in topics if topics.count(name) > 1}
        assert several <= {"smb1_removed_or_disabled", "guests_denied_network"}
        assert len(set(ids)) == len(ids)
    keys = [(row.framework, row.product, version) for row in BENCHMARKS for version in row.versions]
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize("product", [product.name for product in PRODUCTS])
def test_every_product_has_both_frameworks_and_the_guest_control_in_each(product: str) -> None:
    rows = benchmarks_of(product)
    assert {row.framework for row in rows} == {"CIS", "STIG"}
    assert all(GUEST in {control.topic for control in row.controls} for row in rows)


def test_every_known_build_but_the_annual_channel_is_a_product() -> None:
    for build in RELEASES:
        names = {product_of("client", build), product_of("server", build)} - {None}
        assert names or build == 25398, build


def _host(**layers: Any) -> Any:
    from random import Random

    its = posture(0, Random(1))  # Windows 11 24H2
    its["settings"]["insecure_guest_logons"] = state("insecure_guest_logons", False, 26100, **layers)
    return read_host("ws", {"posture": its})


@pytest.mark.parametrize(
    ("layers", "in_force", "scanner"),
    [
        ({}, "pass", "fail"),  # the default blocks, and the policy value is absent
        ({"policy": False}, "pass", "pass"),
        ({"policy": True}, "fail", "fail"),
        ({"local": False}, "pass", "fail"),  # a scanner of the policy does not look there
        ({"local": True}, "fail", "fail"),
        ({"policy": False, "running": True}, "fail", "pass"),  # the policy has not been taken over
        ({"running": None, "policy": False}, "pass", "pass"),
    ],
)
def test_both_ways_of_judging(layers: dict[str, Any], in_force: str, scanner: str) -> None:
    found = judge_host(_host(**layers), (), NOW)[GUEST]
    assert (found["in_force"], found["scanner"]) == (in_force, scanner)


def test_a_setting_that_this_windows_does_not_have_is_not_failed_in_force() -> None:
    from random import Random

    host = read_host("srv", {"posture": posture(5, Random(1))})  # Windows Server 2022: CIS asks for client encryption
    assert host.product == "Windows Server 2022"
    assert judge_host(host, (), NOW)["client_encryption"] == {
        "in_force": "unsupported",
        "scanner": "fail",
        "accepted": False,
    }


def _doors(**states: tuple[str, str, bool | None]) -> dict[str, dict[str, str]]:
    """Both findings on the doors of a host. states: of a door, what a scanner finds, whether it is installed."""
    its = posture(0, Random(1))
    for door, (state_of, scanner, installed) in states.items():
        its["doors"][door] = {"state": state_of, "scanner": scanner, "installed": installed}
    judged = judge_host(read_host("ws", {"posture": its}), [], NOW)
    topics = [name for name, topic in TOPICS.items() if topic.doors]
    return {name: {view: judged[name][view] for view in ("in_force", "scanner")} for name in topics}


@pytest.mark.parametrize(
    ("client", "server", "in_force", "cis", "stig"),
    [
        # As installed: nothing there, no value either. CIS asks for the values all the same.
        (("closed", "fail", False), ("closed", "fail", False), "pass", ("fail", "fail"), "pass"),
        (("closed", "pass", True), ("closed", "pass", True), "pass", ("pass", "pass"), "pass"),
        # A baseline disabled the driver, which runs until the restart.
        (("open", "pass", True), ("closed", "pass", True), "fail", ("pass", "pass"), "pass"),
        (("idle", "fail", True), ("closed", "fail", False), "fail", ("fail", "fail"), "fail"),
        (("unknown", "unknown", True), ("closed", "pass", True), "unknown", ("unknown", "pass"), "unknown"),
    ],
)
def test_smb1_is_judged_in_force_and_as_each_framework_scans(
    client: Any, server: Any, in_force: str, cis: tuple[str, str], stig: str
) -> None:
    found = _doors(smb1_client=client, smb1_server=server)
    assert found["smb1_removed_or_disabled"] == {"in_force": in_force, "scanner": stig}
    assert (found["smb1_client_disabled"]["scanner"], found["smb1_server_disabled"]["scanner"]) == cis


def test_the_guest_account_and_force_guest_are_judged() -> None:
    found = _doors(guest_account=("open", "fail", None), force_guest=("closed", "fail", None))
    assert found["guest_account_disabled"] == {"in_force": "fail", "scanner": "fail"}
    assert found["force_guest_classic"] == {"in_force": "pass", "scanner": "fail"}
    assert _doors(guest_account=("not_asked", "unknown", None))["guest_account_disabled"]["in_force"] == "unknown"


def test_ids_say_how_sure_they_are() -> None:
    sure = {(row.product, row.versions[0], control.topic): control for row in BENCHMARKS for control in row.controls}
    guest = sure["Windows Server 2025", "v1.0.0", GUEST]
    assert (guest.control_id, guest.confidence) == ("18.6.8.4", "conflict")
    driver = sure["Windows 11", "v4.0.0", "smb1_client_disabled"]
    assert (driver.control_id, driver.confidence) == ("18.4.2", "single_source")
    assert sure["Windows Server 2022", "v4.0.0", "guest_account_disabled"].control_id == "2.3.1.1"


def test_every_product_has_the_other_doors_in_both_frameworks() -> None:
    for product in PRODUCTS:
        for framework, smb1 in (("CIS", "smb1_client_disabled"), ("STIG", "smb1_removed_or_disabled")):
            topics = {
                control.topic
                for row in benchmarks_of(product.name)
                if row.framework == framework
                for control in row.controls
            }
            assert {smb1, "guest_account_disabled", "null_session_restricted"} <= topics, (product, framework)
