"""Every block that a reader can copy is run by a test, or named here with what runs it instead, or why not."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from typing import NamedTuple

import yaml
from checkout import ROOT
from test_commands import NAS, REPLAY
from test_commands import PAGES as TYPED
from test_examples import PAGES, runs

PAGES_OF_CONTRIBUTORS = [
    "CONTRIBUTING.md",
    "RELEASING.md",
    "SECURITY.md",
    ".github/*.md",
    "tests/integration/cases/*.md",
]
FOLLOWED = {"README.md": "## Use cases", "docs/first-steps.md": ""}
"""Pages of tests/first_steps, and the heading from which they are followed."""

ELSEWHERE = {
    ("README.md", "$ make demo"): "tests/demo; the stages of the gate",
    ("README.md", "$ ansible-galaxy collection install winops.smb_guest"): "it is not published yet",
    (
        "README.md",
        "$ ansible-galaxy collection build",
    ): "tests/unit/tools/test_artefact.py; docs/first-steps.md installs it",
    ("README.md", "$ pip install pywinrm"): "docs/first-steps.md has the same command",
    ("README.md", "# harden.yml"): "tests/integration/test_awx_guide.py, as harden.yml",
    ("docs/connections.md", "windows:"): "tests/connections, every variable of it; needs a domain of the reader",
    ("docs/domain.md", "- winops.smb_guest.domain_policy_info:"): "tests/domain/test_examples.py",
    ("docs/domain.md", "ansible-playbook winops.smb_guest.domain_harden"): "tests/domain/test_examples.py",
    ("docs/events.md", "$ ansible-rulebook"): "tests/eda/test_rulebook.py",
    ("docs/events.md", "# vars.yml"): "tests/eda/test_rulebook.py",
    (
        "docs/guide-nas-broke.md",
        "insecure_guest_logons=allowed would be",
    ): "test_commands.py compares it with the message",
    ("docs/guide-workers.md", "# audit.yml"): "test_streaming.py",
    ("docs/guide-workers.md", "# harden.yml"): "test_streaming.py",
    ("docs/guide-workers.md", "# enable_guest.yml"): "test_streaming.py",
    ("docs/guide-workers.md", "{"): "test_streaming.py",
    ("docs/guide-workers.md", "# merge.yml"): "test_streaming.py",
    ("docs/guide-workers.md", "ansible-runner transmit"): "test_streaming.py, the worker without ssh",
    ("docs/guide-workers.md", "ansible-playbook -i inventory merge.yml"): "test_streaming.py",
    ("docs/how-it-works.md", "insecure_guest_logons "): "a drawing",
    ("docs/how-it-works.md", "task -> action plugin"): "a drawing",
    ("docs/molecule.md", "$ cp -r"): "the folder of a reader",
    ("docs/molecule.md", "ansible:"): "extensions/molecule: the stage molecule runs the scenario with hosts of its own",
    ("docs/molecule.md", "$ SMB_GUEST_HOSTS=windows molecule"): "the stage molecule",
    ("docs/policy-files.md", "- winops.smb_guest.domain_policy_info:"): "tests/domain/test_examples.py",
    ("docs/report.md", "# audit_report_exceptions_file"): "tests/report",
    ("docs/docsite/rst/guide_automation_platform.rst", "# harden.yml"): "test_awx_guide.py",
    ("docs/docsite/rst/guide_automation_platform.rst", "version: 3"): "make image",
    ("docs/docsite/rst/guide_automation_platform.rst", "$ curl"): "it needs AWX",
    ("docs/docsite/rst/guide_automation_platform.rst", "$ export CONTROLLER_HOST"): "it needs AWX",
    ("docs/docsite/rst/guide_automation_platform.rst", "# audit_slice.yml"): "test_awx_guide.py",
    ("docs/docsite/rst/guide_automation_platform.rst", "# merge.yml"): "test_awx_guide.py",
    ("docs/docsite/rst/guide_automation_platform.rst", "# audit.yml"): "test_awx_guide.py",
    ("roles/domain_exception/README.md", "$ ansible-playbook"): "tests/domain/test_examples.py",
    ("roles/domain_exception/README.md", "# nas.yml"): "tests/domain/test_examples.py",
    ("roles/domain_harden/README.md", "$ ansible-playbook"): "tests/domain/test_examples.py",
    ("roles/domain_harden/README.md", "# domain.yml"): "tests/domain/test_examples.py",
    ("CONTRIBUTING.md", ".cache/tools-3.11/bin/nox"): "commands of contributors",
    ("CONTRIBUTING.md", "plugins/action/ "): "a map; tests/unit/tools/test_house.py compares it with the tree",
}
"""Page and beginning of a block -> what runs it, or why nothing does."""


class Block(NamedTuple):
    page: str
    language: str
    text: str
    position: int

    @property
    def is_run(self) -> bool:
        """Whether a test runs it as it stands on its page."""
        if self.page in FOLLOWED:
            start = (ROOT / self.page).read_text().index(FOLLOWED[self.page])
            named = self.language == "console" or self.text.startswith("# ")
            return named and self.position >= start
        if self.language == "console":
            return self.page in {*TYPED, NAS, REPLAY}
        return self.language in ("yaml", "yml") and runs(self.page, yaml.safe_load(self.text))

    @property
    def names(self) -> set[tuple[str, str]]:
        return {key for key in ELSEWHERE if key[0] == self.page and self.text.lstrip().startswith(key[1])}


def _blocks() -> Iterator[Block]:
    for pattern in [*PAGES, *PAGES_OF_CONTRIBUTORS]:
        for path in sorted(ROOT.glob(pattern)):
            page, text = str(path.relative_to(ROOT)), path.read_text()
            if path.suffix == ".rst":
                for found in re.finditer(r"^\.\. code-block:: (\w+)\n\n((?:(?: .*)?\n)+)", text, re.MULTILINE):
                    yield Block(page, found[1], textwrap.dedent(found[2]), found.start())
                continue
            for found in re.finditer(r"^ *```(\w*)\n(.*?)^ *```$", text, re.MULTILINE | re.DOTALL):
                yield Block(page, found[1], textwrap.dedent(found[2]), found.start())
            without = re.sub(r"^ *```.*?^ *```$", "", text, flags=re.MULTILINE | re.DOTALL)
            for found in re.finditer(r"(?<=\n\n)((?:    .*\n)+)", without):
                if not found[0].lstrip().startswith(("- `", "1. ", "- **")):  # a list in a list
                    yield Block(page, "", textwrap.dedent(found[0]), found.start())


def test_every_block_is_run_or_named() -> None:
    blocks = list(_blocks())
    assert len(blocks) > 80
    neither = [(block.page, block.text.splitlines()[0]) for block in blocks if not block.is_run and not block.names]
    assert neither == []
    both = [(block.page, block.text.splitlines()[0]) for block in blocks if block.is_run and block.names]
    assert both == []
    assert {key for block in blocks for key in block.names} == ELSEWHERE.keys()


def test_what_is_named_exists() -> None:
    """A test that is named as the one that runs a block."""
    for (page, _beginning), reason in ELSEWHERE.items():
        for name in re.findall(r"[\w/]+\.py", reason):
            assert (ROOT / name).is_file() or (ROOT / "tests/integration" / name).is_file(), (page, name)
