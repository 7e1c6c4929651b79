# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reports in a real Chromium, from a file, without a network. Without the package they are not run; CI fails."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright
from system_packages import missing

from ansible_collections.winops.smb_guest.plugins.plugin_utils.report.html import render
from ansible_collections.winops.smb_guest.tests.report.truth_cases import Case, two_runs

PACKAGES = ["chromium"]
# As root in a sandbox of its own; nothing of the browser itself goes to the network.
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--large-fleet", type=int, default=0, metavar="HOSTS", help="open a page of so many hosts, too")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    lacking = missing(PACKAGES)
    if lacking:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"not run: {lacking}")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=list(FLAGS))
        yield chromium
        chromium.close()


class Opened:
    """A report in the browser. complaints: what the page's console and scripts said, and what it tried to load."""

    def __init__(self, page: Page, path: Path) -> None:
        self.page = page
        self.url = path.as_uri()
        self.complaints: list[str] = []
        page.on("console", lambda message: self.complaints.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        page.on("dialog", lambda dialog: (self.complaints.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.on("request", self._requested)
        page.goto(self.url)

    def _requested(self, request: Any) -> None:
        if not request.url.startswith((self.url, "data:,")):
            self.complaints.append(f"loads {request.url}")

    def visible_hosts(self) -> list[str]:
        return self.page.locator("#host-table tbody tr:not([hidden]) th").all_inner_texts()


@pytest.fixture
def open_report(browser: Browser, tmp_path: Path) -> Iterator[Callable[..., Opened]]:
    """Opens the page of a document; options are those of a browser context, such as color_scheme."""
    contexts = []

    def opened(document: dict[str, Any], **options: Any) -> Opened:
        path = tmp_path / f"report-{len(contexts)}.html"
        path.write_text(render(document), encoding="utf-8")
        context = browser.new_context(**options)
        contexts.append(context)
        return Opened(context.new_page(), path)

    yield opened
    for context in contexts:
        context.close()


@pytest.fixture(scope="session")
def cases() -> dict[str, Case]:
    """The known fleet in two runs."""
    return two_runs()


@pytest.fixture(params=["first", "second"])
def case(cases: Mapping[str, Case], request: pytest.FixtureRequest) -> Case:
    return cases[request.param]
