"""The guides in docs/ that repeat what the code knows: the tables of windows-facts.md, the kinds of errors.md."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import get_args

import pytest

from ansible_collections.winops.smb_guest.plugins import plugin_utils
from ansible_collections.winops.smb_guest.plugins.plugin_utils.core.errors import SmbGuestError
from ansible_collections.winops.smb_guest.plugins.plugin_utils.tables import os_defaults
from ansible_collections.winops.smb_guest.plugins.plugin_utils.tables.events import EVENTS
from ansible_collections.winops.smb_guest.plugins.plugin_utils.tables.settings import SETTINGS, Layer
from ansible_collections.winops.smb_guest.plugins.plugin_utils.wsman.fault_codes import CODES, Kind

ROOT = Path(__file__).resolve().parents[4]
FACTS = (ROOT / "docs/windows-facts.md").read_text()
ERRORS = (ROOT / "docs/errors.md").read_text()

ERROR_NAMES = ("Error", "Fault", "Unreachable", "Denied", "State", "Type", "Busy", "Failed")
"""How the names of error classes end."""
VARIABLES_OF_ANSIBLE = {"ansible_connection", "ansible_facts_modules", "ansible_winrm_connection_timeout"}

Table = list[dict[str, str]]


def _tables(text: str) -> list[Table]:
    """Every Markdown table: a dictionary per row, by heading."""
    tables = []
    for block in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        head, _rule, *rows = [[cell.strip() for cell in line.strip("|\n").split("|")] for line in block.splitlines()]
        tables.append([dict(zip(head, row, strict=True)) for row in rows])
    return tables


def _table(*headings: str) -> Table:
    """The one table whose first columns are these."""
    (table,) = [table for table in _tables(FACTS) if tuple(table[0])[: len(headings)] == headings]
    return table


def _cell(setting: str, default: os_defaults.OsDefault) -> str:
    word = "?" if default.value is None else SETTINGS[setting].words.word(default.value)
    return word if default.confidence == os_defaults.CONFIRMED else f"{word} ({default.confidence})"


DEFAULT_TABLES = {
    "insecure_guest_logons": (os_defaults.GUEST_CLIENT, os_defaults.GUEST_SERVER),
    "client_signing": (os_defaults.SIGNING_CLIENT, os_defaults.SIGNING_SERVER),
    "server_signing": (os_defaults.INBOUND_SIGNING_CLIENT, os_defaults.INBOUND_SIGNING_SERVER),
}


@pytest.mark.parametrize("setting", DEFAULT_TABLES)
@pytest.mark.parametrize("product", ["client", "server"])
def test_defaults(setting: str, product: str) -> None:
    builds = sorted(DEFAULT_TABLES[setting][product == "server"])
    section = FACTS.split(f": `{setting}`\n")[1].split("\n### ")[0]
    heading = f"{product.capitalize()} build"
    table = next(table for table in _tables(section) if heading in table[0])
    seen = []
    for row in table:
        first, _to, last = row.pop(heading).partition(" to ")
        covered = [build for build in builds if int(first) <= build <= int(last or first)]
        releases = row.pop("Release").partition(" to ")
        assert (releases[0], releases[2] or releases[0]) == tuple(
            os_defaults.RELEASES[build] for build in (covered[0], covered[-1])
        )
        for build in covered:
            for group, text in row.items():
                default = os_defaults.os_default(setting, product=product, group=group, build=build, ubr=10**6)
                assert text == _cell(setting, default), (build, group)
        assert set(row) == set(DEFAULT_TABLES[setting][product == "server"][covered[0]])
        seen += covered
    assert seen == builds


def test_editions() -> None:
    assert [tuple(row.values()) for row in _table("EditionID", "SKU")] == [
        (each.edition_id, str(each.sku), each.group) for each in os_defaults.EDITIONS
    ]


def test_the_other_defaults() -> None:
    assert [tuple(row.values()) for row in _table("Setting", "Default")] == [
        (f"`{name}`", _cell(name, default)) for name, default in os_defaults.CONSTANTS.items()
    ]


def test_kb5003173() -> None:
    assert [tuple(row.values()) for row in _table("Build", "Release")] == [
        (str(build), os_defaults.RELEASES[build], str(ubr)) for build, ubr in os_defaults.KB5003173_UBR.items()
    ]


def test_settings() -> None:
    assert [tuple(row.values()) for row in _table("Setting", "Side")] == [
        (
            f"`{row.name}`",
            row.side.value,
            row.cim_property,
            *(row.names.get(layer, "none") for layer in (Layer.POLICY, Layer.MDM, Layer.LOCAL)),
            row.first_release,
            "none" if row.secure is None else row.words.word(row.secure),
        )
        for row in SETTINGS.values()
    ]


def test_events() -> None:
    assert [tuple(row.values()) for row in _table("Id", "Channel")] == [
        (str(number), event.channel, event.meaning, "24H2" if event.since_24h2 else "Windows 10")
        for number, event in EVENTS.items()
    ]


def _error_classes(base: type[SmbGuestError] = SmbGuestError) -> Iterator[type[SmbGuestError]]:
    """Every class of errors of the collection."""
    for module in pkgutil.walk_packages(plugin_utils.__path__, f"{plugin_utils.__name__}."):
        importlib.import_module(module.name)
    found = [base]
    while found:
        yield (each := found.pop())
        found += each.__subclasses__()


def test_every_kind_of_error_has_a_symptom() -> None:
    """Kinds of classes, of fault codes, and those that a call names; the page has no other."""
    kinds = {kind for each in _error_classes() if isinstance(kind := getattr(each, "kind", None), str)}
    kinds |= set(get_args(Kind)) | {fault.kind for fault in CODES}
    kinds |= {
        word.value.value
        for path in (ROOT / "plugins").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id.endswith(ERROR_NAMES)
        for word in node.keywords
        if word.arg == "kind" and isinstance(word.value, ast.Constant) and isinstance(word.value.value, str)
    }
    (table,) = [table for table in _tables(ERRORS) if tuple(table[0]) == ("Kind", "What happened")]
    assert {row["Kind"].strip("`") for row in table} == kinds


def test_every_symptom_has_a_cause_and_a_cure() -> None:
    symptoms = [row for table in _tables(ERRORS) for row in table if "You see" in row]
    assert len(symptoms) > 70
    assert all(row["You see"] and row["Why"] and row["What to do"] for row in symptoms)


def test_variables_and_numbers_of_the_errors_exist() -> None:
    """Connection variables, words in ticks, HTTP statuses and codes: all are in the code or in Ansible."""
    source = "\n".join(path.read_text() for path in (ROOT / "plugins").rglob("*.py"))
    variables = set(re.findall(r"`((?:ansible|winops)_\w+)`", ERRORS))
    assert len(variables) > 8
    assert [name for name in variables - VARIABLES_OF_ANSIBLE if name not in source] == []
    options = set(re.findall(r"`(\w+):", ERRORS)) - {"timeout", "when"}
    assert [name for name in options if name not in source] == []
    statuses = {
        int(number)
        for found in re.findall(r"HTTP (\d{3}(?:(?:,| or) \d{3})*)", ERRORS)
        for number in re.findall(r"\d{3}", found)
    }
    assert statuses
    assert [status for status in statuses if status not in set(map(int, HTTPStatus))] == []
    assert re.findall(r"0x[0-9A-Fa-f]{8}", ERRORS) == [], "codes of Windows stand in error-codes.md"


def test_links_inside_the_errors_lead_to_a_heading() -> None:
    anchors = {title.lower().replace(",", "").replace(" ", "-") for title in re.findall(r"^#+ (.*)$", ERRORS, re.M)}
    assert set(re.findall(r"\]\(#([^)]*)\)", ERRORS)) <= anchors


@pytest.mark.parametrize("guide", sorted((ROOT / "docs").glob("*.md")), ids=lambda path: path.name)
def test_links_between_guides_lead_somewhere(guide: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", guide.read_text()):
        assert (guide.parent / target).exists(), target
