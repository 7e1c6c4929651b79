"""The guides in docs/ that repeat what the code knows: the tables of windows-facts.md, the messages of errors.md."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.winops.smb_guest.plugins.plugin_utils.tables import os_defaults
from ansible_collections.winops.smb_guest.plugins.plugin_utils.tables.events import EVENTS
from ansible_collections.winops.smb_guest.plugins.plugin_utils.tables.settings import SETTINGS, Layer

ROOT = Path(__file__).resolve().parents[4]
FACTS = (ROOT / "docs/windows-facts.md").read_text()
ERRORS = (ROOT / "docs/errors.md").read_text()

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


ERROR_TYPES = {
    "RequestError",
    "HostError",
    "HostUnreachable",
    "HostFault",
    "UnexpectedState",
    "SmbGuestError",
    "WrongType",
    "HostBusy",
    "SchedulerFailed",
    "DamagedEntry",
    "Recovery",
}


def _text(node: ast.expr) -> str:
    """A string of the source, its placeholders as `{}`; anything else is empty."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part) if isinstance(part, ast.Constant) else "{}" for part in node.values)
    if isinstance(node, ast.BinOp):
        return _text(node.left) + _text(node.right)
    return ""


def _trees() -> Iterator[ast.Module]:
    folders = ("plugins/action", "plugins/plugin_utils")
    for path in sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py")):
        yield ast.parse(path.read_text())


def _source_strings() -> list[str]:
    return [_text(node) for tree in _trees() for node in ast.walk(tree) if isinstance(node, ast.expr)]


def _raised() -> list[str]:
    """The texts of every error that is made, and the sentences of transport_errors.py, which are looked up."""
    calls = [node for tree in _trees() for node in ast.walk(tree) if isinstance(node, ast.Call) and node.args]
    texts = [_text(call.args[0]) for call in calls if isinstance(call.func, ast.Name) and call.func.id in ERROR_TYPES]
    transport = ast.parse((ROOT / "plugins/plugin_utils/winrm/transport_errors.py").read_text())
    texts += [
        text for node in ast.walk(transport) if isinstance(node, ast.Constant) and "{where}" in (text := _text(node))
    ]
    return sorted({text for text in texts if len(text) > 20 and text.strip() != "Nothing was written."})


PHRASES = [row["Words"].strip("`") for table in _tables(ERRORS) for row in table]


def test_documented_words_are_in_the_code() -> None:
    texts = _source_strings()
    assert len(PHRASES) > 100
    assert [phrase for phrase in PHRASES if not any(phrase in text for text in texts)] == []


def test_every_error_is_documented() -> None:
    raised = _raised()
    assert len(raised) > 100
    assert [text for text in raised if not any(phrase in text for phrase in PHRASES)] == []


@pytest.mark.parametrize("guide", sorted((ROOT / "docs").glob("*.md")), ids=lambda path: path.name)
def test_links_between_guides_lead_somewhere(guide: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", guide.read_text()):
        assert (guide.parent / target).exists(), target
