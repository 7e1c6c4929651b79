"""What `ansible-galaxy collection build` packs, in a checkout that is full of other people's files."""

from __future__ import annotations

import re
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest
import yaml
from checkout import ROOT, clean_environ, copy_collection

PACKED = (  # a slash at the end: the whole folder; a star: whatever begins so
    "CHANGE*",
    "CODE_OF*",
    "CONTRIB*",
    "LICENSE*",
    "README*",
    "SECURITY*",
    "bindep*",
    "changelogs/c*",
    "docs/",
    "extensions/audit/",
    "extensions/eda/",
    "extensions/molecule/v*",
    "meta/",
    "playbooks/README.md",
    "playbooks/audit.yml",
    "playbooks/domain_exception.yml",
    "playbooks/domain_harden.yml",
    "playbooks/enable_guest.yml",
    "playbooks/harden.yml",
    "playbooks/revert.yml",
    "playbooks/verify_facts.yml",
    "plugins/",
    "requirements.txt",
    "roles/",
)
ANYWHERE = (
    "*.csv",
    "*.html",
    "*.pyc",
    "*/.*",
    "*/group_vars*",
    "*/host_vars*",
    "*/inventory",
    "*/inventory.*",
    "*__pycache__*",
)
"""What is not packed inside of whole folders either. A star also stands for slashes."""

SHORT = 5
"""Longer beginnings of our names are nobody's files."""

STRANGERS = """
.env .vault_pass a ansible.cfg artifacts/run/stdout audit/report.html changelogs/fragments/x.yml code
credentials.yml d doc docs-old/x.md docs/report.html docs/hosts.csv docs/.secret extensions/molecule/inventory.yml
group_vars/all/vault.yml host_vars/ws-42.yml id_rsa inventory inventory.yml inventory.ini log.txt met notes.md play.yml
playbook.yml playbooks/group_vars/all.yml playbooks/inventory.yml playbooks/mine.yml playbooks/harden.yml.orig plugin.py
project/site.yml report/hosts.csv report/report.html report/report.json requirements.yml rol role rolex/x.yml
roles/harden/host_vars/x.yml roles2/x site.yml smb-guest/bin/activate smb-guest/pyvenv.cfg vault.yml win/x.pem
tests/output/log.txt
"""


def ignored(packed: tuple[str, ...]) -> list[str]:
    """Patterns of fnmatch for every path but those `packed` and their folders: Ansible knows no list of what is packed.

    Wherever a path leaves all that is packed, by the next character, a pattern matches it.
    """
    after: dict[str, set[str]] = {}
    for path in packed:
        known = path.removesuffix("*")
        for length in range(len(known)):
            after.setdefault(known[:length], set()).add(known[length])
        if path == known and not path.endswith("/"):
            after.setdefault(path, set())
    left = [
        f"{start}[!{''.join(sorted(following))}]*" if following else f"{start}?*"
        for start, following in sorted(after.items())
    ]
    # A file whose name is the beginning of a packed one. A folder on the way to what is packed is not ignored.
    folders = {path[: end.start()] for path in packed for end in re.finditer("/", path)}
    short = [start for start in sorted(after) if 0 < len(start) < SHORT and start not in folders]
    return [*left, *short]


def test_build_ignore_is_all_but_what_is_packed() -> None:
    galaxy = yaml.safe_load((ROOT / "galaxy.yml").read_text())
    assert galaxy["build_ignore"] == [*ANYWHERE, *ignored(PACKED)]


@pytest.fixture(scope="module")
def tracked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The collection as git has it."""
    return copy_collection(tmp_path_factory.mktemp("collections"))


def _packed(checkout: Path) -> set[str]:
    """Build as README says, and list the files of the artefact."""
    bin_dir = Path(shutil.which("ansible-galaxy") or "").parent
    command = ["ansible-galaxy", "collection", "build", "--force"]
    subprocess.run(command, cwd=checkout, env=clean_environ(bin_dir), check=True, capture_output=True)
    (artefact,) = checkout.glob("winops-smb_guest-*.tar.gz")
    with tarfile.open(artefact) as tar:
        return {member.name for member in tar.getmembers() if member.isfile()} - {"FILES.json", "MANIFEST.json"}


def test_no_file_of_strangers_is_packed(tracked: Path) -> None:
    files = {str(path.relative_to(tracked)) for path in tracked.rglob("*") if path.is_file()}
    for name in STRANGERS.split():
        if name not in files:
            (tracked / name).parent.mkdir(parents=True, exist_ok=True)
            (tracked / name).write_text("[defaults]\n# password: amber-Falcon-7731\n")
    packed = _packed(tracked)
    whole = tuple(path.removesuffix("*") for path in PACKED if path.endswith(("/", "*")))
    assert packed == {name for name in files if name in PACKED or name.startswith(whole)}
    assert {"plugins/modules/client_config.py", "docs/surveys/enable_guest.json", "meta/runtime.yml"} <= packed


def test_links_of_the_readme_lead_into_the_artefact(tracked: Path) -> None:
    packed = _packed(tracked)
    targets = re.findall(r"\]\((?!https?:|#)([^)#]+)", (tracked / "README.md").read_text())
    assert [target for target in targets if not any(f"{name}/".startswith(f"{target}/") for name in packed)] == []
