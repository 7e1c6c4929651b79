# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table of benchmark controls, and judging by it: what is in force, and what a scanner reads."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from ansible_collections.winops.smb_guest.plugins.plugin_utils.report.compliance import judge_host
from ansible_collections.winops.smb_guest.plugins.plugin_utils.report.host_posture import read_host
from ansible_collections.winops.smb_guest.plugins.plugin_utils.tables.compliance import (
    BENCHMARKS,
    PRODUCTS,
    TOPICS,
    benchmarks_of,
    product_of,
)
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
        assert len(set(topics)) == len(topics)
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
