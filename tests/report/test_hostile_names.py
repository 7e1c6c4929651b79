# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Nothing that a host says becomes markup, script, a formula or a command to a terminal; and the schema holds."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from ansible_collections.winops.smb_guest.plugins.plugin_utils.report.baseline import Baseline
from ansible_collections.winops.smb_guest.plugins.plugin_utils.report.csv_tables import TABLES, csv_files
from ansible_collections.winops.smb_guest.plugins.plugin_utils.report.document import ReportTerms, build_document
from ansible_collections.winops.smb_guest.plugins.plugin_utils.report.exceptions import read_exceptions
from ansible_collections.winops.smb_guest.plugins.plugin_utils.report.files import as_json
from ansible_collections.winops.smb_guest.plugins.plugin_utils.report.html import render
from ansible_collections.winops.smb_guest.tests.report.conftest import Opened
from ansible_collections.winops.smb_guest.tests.report.hostile import HOSTILE, hostile_results
from ansible_collections.winops.smb_guest.tests.report.invented_fleet import NOW, SETTINGS, results

SCHEMA = json.loads((Path(__file__).resolve().parents[2] / "docs/report.schema.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    good = next(
        result
        for _name, result in results(300)
        if (its := result.get("posture")) and its["servers"] and its["changes"] and its["connections"]
    )
    good["posture"]["clients"] = good["posture"]["servers"]
    good["posture"]["problems"] = [{"part": "events", "message": "denied"}]
    good["posture"]["settings"]["server_signing"] |= {"drift": True, "running": True, "effective": False}
    good["posture"]["settings"]["insecure_guest_logons"] |= {"winner": "policy", "policy_source": {"gpo": "GPO"}}
    accepted = read_exceptions(
        [
            {kind: text, "reason": text, "approved_by": text, "ticket": text}
            for text in HOSTILE
            if text.strip()
            for kind in ("host", "server")
        ]
    )
    fleet = hostile_results(good)
    probes = [{"server": text, "verdict": text, "advice": text} for text in HOSTILE]
    before = build_document({f"{text}-gone": good for text in HOSTILE}, ReportTerms(NOW, title=HOSTILE[0]))
    contradictions = {"server_signing": {text: number % 2 == 0 for number, text in enumerate(HOSTILE)}}
    return build_document(
        fleet,
        ReportTerms(
            NOW,
            title=HOSTILE[1],
            exceptions=accepted,
            previous=before,
            probes=probes,
            collection_version="<b>",
            baseline=Baseline(HOSTILE[0], dict.fromkeys(SETTINGS, True), contradictions),
        ),
    )


def test_every_hostile_text_is_in_it(document: dict[str, Any]) -> None:
    for part in ("hosts", "servers", "inbound", "changes", "drift", "exceptions"):
        assert len(document[part]) >= len(HOSTILE) - 4, part
    assert "GPO" not in json.dumps(document["hosts"])


def test_it_is_text_in_the_page(open_report: Callable[..., Opened], document: dict[str, Any]) -> None:
    opened = open_report(document)
    page = opened.page
    page.locator("details summary").all()
    names = [row["name"] for row in document["hosts"]]
    assert page.locator("#host-table tbody th").evaluate_all("cells => cells.map(cell => cell.textContent)") == names
    for name in names:
        page.evaluate("name => { location.hash = `#host=${encodeURIComponent(name)}` }", name)
        page.wait_for_function("name => document.getElementById('detail-h')?.textContent === name", arg=name)
    assert page.evaluate("window.owned") is None
    assert page.locator("img, script:not(#data):not(:last-of-type), iframe, object, embed").count() == 0
    assert page.locator("[onerror], [onmouseover], [onclick]").count() == 0
    assert opened.complaints == []


def test_the_policy_of_the_page_stops_what_escaping_would_let_through(
    open_report: Callable[..., Opened], document: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = open_report(document)
    opened.page.set_content(
        render(document).replace("<main", '<script>window.owned=1</script><img src=x onerror="window.owned=1"><main')
    )
    opened.page.wait_for_timeout(0)
    assert opened.page.evaluate("window.owned") is None
    assert any("Content Security Policy" in complaint for complaint in opened.complaints)


def test_it_is_no_formula_in_csv(document: dict[str, Any]) -> None:
    files = {name: "".join(pieces) for name, pieces in csv_files(document).items()}
    assert set(files) == set(TABLES)
    for name, text in files.items():
        assert text.startswith("\ufeff")
        header, *rows = list(csv.reader(io.StringIO(text.removeprefix("\ufeff"))))
        assert rows, name
        for row in rows:
            assert len(row) == len(header)
            assert not [cell for cell in row if cell.lstrip().startswith(("=", "+", "-", "@", "\t", "|", "%"))], name
            assert all(cell.isprintable() for cell in row), name


def test_it_steers_no_terminal(document: dict[str, Any]) -> None:
    text = "".join(as_json(document))
    assert text.isascii()
    assert all(line.isprintable() for line in text.split("\n"))
    assert all(line.isprintable() for line in render(document).split("\n"))
    assert "\\\\x1b[31mred" in text


@pytest.mark.parametrize("hosts", [0, 1, 80])
def test_a_document_has_the_schema(hosts: int) -> None:
    previous = build_document(dict(results(hosts, seed=3)), ReportTerms(NOW.replace(day=1)))
    made = build_document(dict(results(hosts)), ReportTerms(NOW, previous=previous))
    _validate(made)
    _validate(previous)


def test_a_hostile_document_has_the_schema(document: dict[str, Any]) -> None:
    _validate(document)


def _validate(document: dict[str, Any]) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.Draft202012Validator(SCHEMA, format_checker=jsonschema.FormatChecker()).validate(
        json.loads("".join(as_json(document)))
    )


def test_the_schema_names_every_member() -> None:
    """`required` holds what is there today, so that a member which goes missing is found."""
    made = build_document(dict(results(80)), ReportTerms(NOW))
    assert set(SCHEMA["required"]) == set(made)
    assert set(SCHEMA["properties"]["summary"]["required"]) == set(made["summary"])
    for part in ("hosts", "servers", "changes", "drift", "compliance", "exceptions", "history"):
        assert set(SCHEMA["properties"][part]["items"]["required"]) == set(made[part][0]), part
