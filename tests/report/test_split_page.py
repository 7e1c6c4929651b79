# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The page of a fleet that is too large for one file: its host files, beside it, and what their loss does to it.

The limit is lowered here, so that a small fleet does; `--large-fleet HOSTS` opens a page beyond the real one.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from ansible_collections.winops.smb_guest.plugins.action.posture_report import ActionModule
from ansible_collections.winops.smb_guest.plugins.plugin_utils.report import page_data
from ansible_collections.winops.smb_guest.plugins.plugin_utils.report.document import ReportTerms, build_document
from ansible_collections.winops.smb_guest.plugins.plugin_utils.report.html import page_pieces, render
from ansible_collections.winops.smb_guest.tests.report.conftest import Opened
from ansible_collections.winops.smb_guest.tests.report.hostile import hostile_results
from ansible_collections.winops.smb_guest.tests.report.invented_fleet import NOW, results

HOSTS, LIMIT, OF_A_FILE = 60, 50, 25
ROWS = "rows => rows.map(row => [...row.cells].map(cell => cell.textContent ? [cell.innerHTML, cell.className] : []))"
COUNT_COMPARISONS = """
  const before = Intl.Collator;
  window.comparisons = 0;
  Intl.Collator = function (...its) {
    const collator = new before(...its);
    return { compare: (one, other) => { window.comparisons += 1; return collator.compare(one, other); } };
  };
"""


@pytest.fixture
def low_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_data, "MOST_HOSTS", LIMIT)
    monkeypatch.setattr(page_data, "HOSTS_OF_A_FILE", OF_A_FILE)


def _report(hosts: dict[str, Any], dest: Path, *, check_mode: bool = False, **options: Any) -> list[Path]:
    """Run posture_report, and return the files that it names."""
    action = ActionModule.__new__(ActionModule)
    action._task = SimpleNamespace(check_mode=check_mode)
    defaults = {name: row.get("default") for name, row in ActionModule.ARGUMENT_SPEC.items()}
    result = action.act(defaults | {"hosts": hosts, "dest": str(dest), "formats": ["html"]} | options)
    return [Path(name) for name in result["files"]]


def _host_files(folder: Path) -> list[Path]:
    return sorted((folder / "report_hosts").glob("*"))


def _on_disk(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.is_file()}


class Split(Opened):
    """A page with host files. loads: the files that it asked for."""

    def __init__(self, page: Page, path: Path) -> None:
        self.loads: list[str] = []
        self.folder = path.parent
        super().__init__(page, path)

    def _requested(self, request: Any) -> None:
        beside = f"{self.folder.as_uri()}/report_hosts/"
        if request.url.startswith(beside):
            self.loads.append(request.url.removeprefix(beside))
        else:
            super()._requested(request)

    def open_host(self, name: str) -> str:
        """The text of its dialog, when it has loaded."""
        self.page.evaluate("name => { location.hash = `#host=${encodeURIComponent(name)}` }", name)
        self.page.wait_for_function(
            """name => document.getElementById("detail-h")?.textContent === name &&
               !document.getElementById("detail").textContent.includes("Loading ...")""",
            arg=name,
        )
        return self.page.locator("#detail-body").evaluate("box => box.textContent")


@pytest.fixture
def open_split(browser: Browser) -> Iterator[Callable[..., Split]]:
    contexts = []

    def opened(path: Path, script: str = "") -> Split:
        contexts.append(browser.new_context())
        page = contexts[-1].new_page()
        page.add_init_script(script)
        return Split(page, path)

    yield opened
    for context in contexts:
        context.close()


@pytest.mark.usefixtures("low_limit")
def test_both_forms_of_a_page_show_the_same(open_split: Callable[..., Split], tmp_path: Path) -> None:
    """Rows, order after each sort, filters, search, and everything of each host."""
    document = build_document(dict(results(HOSTS)), ReportTerms(NOW))
    files = page_data.host_files(document)
    assert [len(files), page_data.HOST_FILES] == [3, "report_hosts"]
    for name, text in {
        "one.html": render(document),
        **files,
        "report.html": "".join(page_pieces(document, "", files)),
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    one, split = open_split(tmp_path / "one.html"), open_split(tmp_path / "report.html")
    both = (one, split)

    def same(what: Callable[[Split], Any]) -> Any:
        seen = [what(opened) for opened in both]
        assert seen[0] == seen[1]
        return seen[0]

    def table(opened: Split) -> Any:
        return opened.page.locator("#host-table tbody tr").evaluate_all(ROWS)

    assert len(same(table)) == HOSTS
    for column in range(1, 12):
        for _way in range(2):
            for opened in both:
                opened.page.locator(f"#host-table thead th:nth-child({column}) button").click()
            same(table)
    for opened in both:
        opened.page.fill("#q", "srv 2025")
    assert 0 < len(same(Opened.visible_hosts)) < HOSTS
    for opened in both:
        opened.page.click("#filters button")
    links = split.page.locator('a.n[href^="#hosts?f="]').evaluate_all("links => links.map(link => link.hash)")
    assert len(set(links)) > 60
    for link in sorted(set(links))[::4]:
        for opened in both:
            opened.page.evaluate("hash => { location.hash = hash }", link)
            opened.page.wait_for_function("() => !document.getElementById('chips').hidden")
        same(Opened.visible_hosts)
    assert split.loads == []
    for row in document["hosts"][::4]:
        assert row["name"] in same(lambda opened, name=row["name"]: opened.open_host(name))
    assert split.loads == [name.removeprefix("report_hosts/") for name in files]  # each once
    assert one.loads == one.complaints == split.complaints == []


@pytest.mark.usefixtures("low_limit")
def test_the_folder_holds_one_report(tmp_path: Path) -> None:
    many, few = dict(results(HOSTS)), dict(results(LIMIT))
    folder = tmp_path / "report"
    promised = _report(many, folder, check_mode=True)
    assert not folder.exists()
    written = _report(many, folder)
    assert set(promised) == set(written) == _on_disk(folder)
    assert len(_host_files(folder)) == 3
    for line in (folder / "SHA256SUMS").read_text().splitlines():
        digest, name = line.split("  ")
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest
    page = (folder / "report.html").read_bytes()
    _report(many, folder, formats=["json"])
    assert (folder / "report.html").read_bytes() == page
    assert len(_host_files(folder)) == 3  # they are those of the page that is there
    _report(dict(results(HOSTS, seed=8)), folder, check_mode=True)
    assert set(written) <= _on_disk(folder)
    (folder / "report_hosts" / "notes.txt").write_text("somebody else's")
    others = _report(dict(results(HOSTS, seed=8)), folder)
    assert [path.name for path in _host_files(folder)][-1] == "notes.txt"
    assert set(_host_files(folder)[:-1]) == {path for path in others if path.suffix == ".js"}
    assert not set(_host_files(folder)) & set(written)
    (folder / "report_hosts" / "notes.txt").unlink()
    assert folder / "report.html" in _report(few, folder)
    assert not (folder / "report_hosts").exists()
    assert "strict-dynamic" not in (folder / "report.html").read_text()


@pytest.mark.usefixtures("low_limit")
def test_a_host_file_that_is_lost_or_of_another_report(open_split: Callable[..., Split], tmp_path: Path) -> None:
    fleet = dict(results(HOSTS))
    _report(fleet, tmp_path)
    first, second, third = _host_files(tmp_path)
    names = sorted(fleet)
    kept = first.read_bytes()
    first.unlink()
    second.write_bytes(second.read_bytes().replace(b"Insecure guest logons", b"Insecure guest LOGONS"))
    third.write_bytes(kept)
    opened = open_split(tmp_path / "report.html")
    hosts = opened.visible_hosts()
    assert sorted(hosts) == names
    assert f"report_hosts/{first.name} is missing" in opened.open_host(hosts[0])
    for file, name in ((second, hosts[OF_A_FILE]), (third, hosts[-1])):
        text = opened.open_host(name)
        assert f"report_hosts/{file.name} is not the one that was written with this page" in text
        assert "Settings" not in text
    first.write_bytes(kept)
    assert "Insecure guest logons" in opened.open_host(hosts[1])  # without loading the page again
    assert [text for text in opened.complaints if "ERR_FILE_NOT_FOUND" not in text] == []


@pytest.mark.usefixtures("low_limit")
def test_hostile_names_are_text_in_host_files(
    open_split: Callable[..., Split], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_data, "MOST_HOSTS", 0)
    good = next(result for _name, result in results(300) if result.get("posture", {}).get("changes"))
    _report(hostile_results(good), tmp_path)
    for file in _host_files(tmp_path):
        text = file.read_text(encoding="ascii").removesuffix("\n")
        assert re.fullmatch(r'reportHosts\("hosts-[0-9]{4}-[0-9a-f]{32}", ".*"\);', text)
        assert text.isprintable()
    opened = open_split(tmp_path / "report.html")
    names = opened.page.locator("#host-table tbody th").evaluate_all("cells => cells.map(cell => cell.textContent)")
    assert len(names) > 5
    for name in names:
        opened.open_host(name)
    assert opened.page.evaluate("window.owned") is None
    assert opened.complaints == []


@pytest.mark.usefixtures("low_limit")
def test_markup_in_a_large_page_runs_no_script(open_split: Callable[..., Split], tmp_path: Path) -> None:
    """Only the page's own script may add scripts."""
    _report(dict(results(HOSTS)), tmp_path)
    (tmp_path / "own.js").write_text("window.owned = 1", encoding="ascii")
    page = tmp_path / "report.html"
    injected = '<script>window.owned=1</script><script src="own.js"></script><img src=x onerror="window.owned=1"><main'
    page.write_text(page.read_text(encoding="utf-8").replace("<main", injected, 1), encoding="utf-8")
    opened = open_split(page)
    assert "Insecure guest logons" in opened.open_host(opened.visible_hosts()[1])
    assert opened.page.evaluate("window.owned") is None
    assert sum("Content Security Policy" in text for text in opened.complaints) >= 3


def _work(opened: Split, rows: int) -> dict[str, int]:
    """What the page holds and what its sorting costs, independent of the machine."""
    page = opened.page
    page.locator("#host-table thead th:nth-child(3) button").click()
    by_state = page.evaluate("window.comparisons")
    page.locator("#host-table thead th:nth-child(1) button").click()
    return {
        "rows": max(page.locator("tbody").evaluate_all("bodies => bodies.map(body => body.rows.length)")),
        "by_state": by_state,
        "by_name_per_host": (page.evaluate("window.comparisons") - by_state) // rows,
    }


@pytest.mark.parametrize("split", [False, True])
def test_a_page_draws_and_compares_no_more_for_more_hosts(
    open_split: Callable[..., Split], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, split: bool
) -> None:
    """Why 10,000 hosts answer at once: no table draws more than 300 rows, and sorting compares distinct texts."""
    if split:
        monkeypatch.setattr(page_data, "MOST_HOSTS", LIMIT)
    work = {}
    for hosts in (320, 960):
        _report(dict(results(hosts)), tmp_path / str(hosts))
        work[hosts] = _work(open_split(tmp_path / str(hosts) / "report.html", COUNT_COMPARISONS), hosts)
    assert {row["rows"] for row in work.values()} == {300}
    assert work[320]["by_state"] == work[960]["by_state"] < 20
    assert max(row["by_name_per_host"] for row in work.values()) < 16  # log n is 10 at 960


def test_a_fleet_beyond_the_real_limit(
    open_split: Callable[..., Split], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    hosts = request.config.getoption("--large-fleet")
    if not hosts:
        pytest.skip("on demand: --large-fleet 10001")
    fleet = dict(results(hosts))
    _report(fleet, tmp_path)
    assert len(_host_files(tmp_path)) == -(-hosts // 1_000)
    opened = open_split(tmp_path / "report.html")
    assert opened.page.inner_text("#shown") == f"{hosts} hosts"
    name = sorted(fleet)[-1]
    assert name in opened.open_host(name)
    opened.page.evaluate("document.getElementById('detail').close()")
    opened.page.fill("#q", name)
    assert opened.visible_hosts() == [name]
    assert len(opened.loads) == 1
    assert opened.complaints == []
