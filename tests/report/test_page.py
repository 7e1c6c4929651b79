# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The page as its reader has it: loads, filters, sorts, leads to hosts, prints, and is accessible."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe

from ansible_collections.winops.smb_guest.plugins.plugin_utils.report.document import ReportTerms, build_document
from ansible_collections.winops.smb_guest.plugins.plugin_utils.report.exceptions import read_exceptions
from ansible_collections.winops.smb_guest.tests.report.conftest import Opened
from ansible_collections.winops.smb_guest.tests.report.invented_fleet import NOW, results

Open = Callable[..., Opened]
FIVE_MEGABYTES = 5_000_000
HOSTS = 60


def _document(hosts: int) -> dict[str, Any]:
    """With a part of everything that a page can show."""
    accepted = read_exceptions(
        [
            {"host": "ws-*", "control": "client_signing", "reason": "Lab machines", "expires": "2026-12-31"},
            {"server": "nas-lab", "reason": "Replaced in January", "expires": "2026-11-01"},
        ]
    )
    previous = build_document(dict(results(hosts, seed=8)), ReportTerms(NOW - timedelta(days=7)))
    probes = [{"server": "nas-lab", "verdict": "guest_only_suspected", "advice": "It knows no accounts."}]
    return build_document(dict(results(hosts)), ReportTerms(NOW, exceptions=accepted, previous=previous, probes=probes))


@pytest.fixture(scope="module")
def fleet() -> dict[str, Any]:
    return _document(HOSTS)


@pytest.fixture
def opened(open_report: Open, fleet: dict[str, Any]) -> Opened:
    return open_report(fleet)


def test_it_loads_without_a_complaint_and_shows_every_host(opened: Opened, fleet: dict[str, Any]) -> None:
    assert opened.visible_hosts() == [row["name"] for row in fleet["hosts"]]
    assert opened.complaints == []


def test_search_and_choices_narrow_the_hosts(opened: Opened, fleet: dict[str, Any]) -> None:
    page = opened.page
    page.fill("#q", "srv 2025")
    wanted = [row["name"] for row in fleet["hosts"] if row["product"] == "Windows Server 2025"]
    assert opened.visible_hosts() == wanted
    page.select_option("#f-state", "state:blocked")
    blocked = {row["name"] for row in fleet["hosts"] if row["guest"]["state"] == "blocked"}
    wanted = [name for name in wanted if name in blocked]
    assert wanted
    assert opened.visible_hosts() == wanted
    assert page.inner_text("#shown") == f"{len(wanted)} of {HOSTS} hosts"
    page.click("#filters button")
    assert len(opened.visible_hosts()) == HOSTS


def test_every_heading_sorts_both_ways(opened: Opened) -> None:
    page = opened.page
    column = "#host-table tbody td:nth-child(10)"
    heading = page.locator("#host-table thead th:nth-child(10) button")
    heading.click()
    numbers = [int(text) for text in page.locator(column).all_inner_texts() if text]
    assert numbers == sorted(numbers, reverse=True)
    assert len(set(numbers)) > 1
    heading.click()
    assert [int(text) for text in page.locator(column).all_inner_texts() if text] == sorted(numbers)
    assert page.get_attribute("#host-table thead th:nth-child(10)", "aria-sort") == "ascending"
    last = page.locator(column).last.inner_text()
    assert last == ""  # nothing goes last, whichever way round


def test_every_number_leads_to_as_many_hosts(opened: Opened) -> None:
    page = opened.page
    links = page.locator('a.n[href^="#hosts?f="]')
    shown = links.evaluate_all('links => links.map(link => [link.getAttribute("href"), link.innerText])')
    targets = {(href, text) for href, text in shown if text.isdigit()}
    assert len(targets) > 60
    for href, number in sorted(targets):
        page.evaluate("href => document.querySelector(`a[href='${href}']`).click()", href)
        assert len(opened.visible_hosts()) == int(number), href
    assert opened.complaints == []


def test_a_view_has_an_address_that_can_be_sent(opened: Opened, fleet: dict[str, Any]) -> None:
    page = opened.page
    page.goto(f"{opened.url}#hosts?f=state%3Aallowed")
    page.reload()
    assert len(opened.visible_hosts()) == fleet["summary"]["allowed"]
    page.locator("#chips button").click()
    assert len(opened.visible_hosts()) == HOSTS


def test_a_host_opens_by_keyboard_and_gives_the_focus_back(opened: Opened, fleet: dict[str, Any]) -> None:
    page = opened.page
    row = next(row for row in fleet["hosts"] if row["guest"]["state"] == "allowed" and row["servers"])
    link = page.locator("#host-table").get_by_role("link", name=row["name"], exact=True)
    link.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    text = dialog.inner_text()
    assert row["name"] in text
    assert row["guest"]["advice"] in text
    assert all(name in text for name in row["servers"])
    assert "Insecure guest logons" in text
    page.keyboard.press("Escape")
    assert not dialog.is_visible()
    assert page.evaluate("document.activeElement.textContent") == row["name"]


def test_going_back_takes_the_filter_away(opened: Opened) -> None:
    page = opened.page
    page.locator('.legend a.n[href*="state%3Ablocked"]').click()
    assert len(opened.visible_hosts()) < HOSTS
    page.go_back()
    assert len(opened.visible_hosts()) == HOSTS


@pytest.mark.parametrize("width", [1400, 420])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_violation(open_report: Open, fleet: dict[str, Any], scheme: str, width: int) -> None:
    opened = open_report(fleet, color_scheme=scheme, viewport={"width": width, "height": 900})
    _accessible(opened)
    opened.page.goto(f"{opened.url}#host={fleet['hosts'][0]['name']}")
    assert opened.page.get_by_role("dialog").is_visible()
    _accessible(opened)


def _accessible(opened: Opened) -> None:
    violations = Axe().run(opened.page).response["violations"]
    assert [(row["id"], [node["html"] for node in row["nodes"]][:3]) for row in violations] == []


OVER_THE_EDGE = """cells => cells.filter(cell => {
  const range = document.createRange();
  range.selectNodeContents(cell);
  return range.getBoundingClientRect().right > cell.getBoundingClientRect().right + 1;
}).map(cell => cell.closest("table").id + ": " + cell.textContent)"""


@pytest.mark.parametrize("width", [1600, 1300, 900])
def test_no_text_runs_into_the_next_column(opened: Opened, width: int) -> None:
    opened.page.set_viewport_size({"width": width, "height": 800})
    cells = opened.page.locator("td:not(:last-child), tbody th")
    assert cells.evaluate_all("cells => cells.filter(cell => cell.textContent.includes('signing')).length")
    assert cells.evaluate_all(OVER_THE_EDGE) == []


def test_the_chosen_colours_are_kept(opened: Opened) -> None:
    page = opened.page
    dark = "getComputedStyle(document.body).backgroundColor"
    before = page.evaluate(dark)
    page.select_option("#theme", "dark")
    assert page.evaluate(dark) != before
    page.reload()
    assert page.evaluate(dark) != before


def _pages(page: Any) -> int:
    return int(page.pdf(prefer_css_page_size=True).count(b"/Type /Page\n"))


def test_the_heads_of_tables_are_text_in_print(opened: Opened) -> None:
    """A button is drawn on the first page only; generated text is repeated with the head of the table."""
    page = opened.page
    page.emulate_media(media="print")
    heads = page.evaluate(
        """[...document.querySelectorAll("#drift-table thead th")].map(cell => [
          getComputedStyle(cell, "::before").content, getComputedStyle(cell.firstElementChild).display])"""
    )
    assert heads[0] == ['"Host"', "none"]
    assert {display for _title, display in heads} == {"none"}


def test_300_hosts_fit_into_12_pages_and_the_hosts_follow_on_demand(open_report: Open) -> None:
    opened = open_report(_document(300))
    findings = _pages(opened.page)
    assert findings <= 12
    opened.page.check("#print-all")
    assert _pages(opened.page) > findings


def test_it_prints_on_white_without_controls(opened: Opened) -> None:
    page = opened.page
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert not page.locator("#filters").is_visible()
    assert page.evaluate("getComputedStyle(document.querySelector('.scroll')).overflowY") == "visible"


def test_it_reads_without_javascript(open_report: Open, fleet: dict[str, Any]) -> None:
    opened = open_report(fleet, java_script_enabled=False)
    assert opened.visible_hosts() == [row["name"] for row in fleet["hosts"]]
    assert not opened.page.locator("#filters").is_visible()


@pytest.mark.parametrize("hosts", [0, 1])
def test_a_fleet_of_hardly_anybody(open_report: Open, hosts: int) -> None:
    opened = open_report(_document(hosts))
    assert len(opened.visible_hosts()) == hosts
    assert opened.complaints == []
    _accessible(opened)
    plural = re.compile(r"\b1 hosts\b")
    assert not plural.search(opened.page.inner_text("body"))


def test_2000_hosts_in_less_than_5_megabytes(open_report: Open) -> None:
    document = _document(2000)
    opened = open_report(document)
    assert len(opened.page.content().encode()) < FIVE_MEGABYTES
    assert opened.page.inner_text("#shown") == "2000 hosts"
    opened.page.fill("#q", "ws-0001.corp")
    assert opened.visible_hosts() == ["ws-0001.corp.example"]
    opened.page.goto(f"{opened.url}#hosts?f=state%3Aallowed")
    assert opened.page.inner_text("#shown") == f"{document['summary']['allowed']} of 2000 hosts"
    assert opened.complaints == []


def test_only_the_rows_that_can_be_seen_are_drawn(open_report: Open) -> None:
    document = _document(1000)
    opened = open_report(document)
    page = opened.page
    names = [row["name"] for row in document["hosts"]]
    assert opened.visible_hosts() == names[:300]
    for drawn in (600, 900, 1000):
        page.evaluate(
            "() => { const box = document.querySelector('#hosts .scroll'); box.scrollTop = box.scrollHeight }"
        )
        page.wait_for_function("drawn => document.querySelectorAll('#host-table tbody tr').length === drawn", arg=drawn)
    assert opened.visible_hosts() == names
    page.locator("#host-table thead th:first-child button").click()
    page.locator("#host-table thead th:first-child button").click()
    assert opened.visible_hosts()[0] == max(names)
    page.goto(f"{opened.url}#host={names[-1]}")  # of a host that is not drawn
    assert names[-1] in page.get_by_role("dialog").inner_text()
