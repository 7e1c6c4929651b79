"""Every module and every role has a target of `ansible-test windows-integration`."""

from __future__ import annotations

from checkout import ROOT

TARGETS = ROOT / "tests/integration/targets"
OF_A_DOMAIN = {
    "domain_policy",
    "domain_policy_info",
    "domain_policy_revert",
    "module_domain_exception",
    "module_domain_harden",
    "role_domain_harden",
    "role_domain_exception",
}
"""What reads or changes a domain instead of a host."""
IN_TARGETS_OF_OTHERS = {"posture_report", "role_revert"}
"""Written by the role audit_report; reverts what the other roles changed."""


def test_every_module_and_role_has_a_target() -> None:
    modules = {path.stem for path in (ROOT / "plugins/modules").glob("[!_]*.py")}
    roles = {f"role_{path.name}" for path in (ROOT / "roles").iterdir()}
    # A target of the name of a role would run that role: ansible-test looks for roles of the collection first.
    modules = {f"module_{name}" if f"role_{name}" in roles else name for name in modules}
    targets = {path.name for path in TARGETS.iterdir() if "windows" in (path / "aliases").read_text().splitlines()}
    assert (modules | roles) - OF_A_DOMAIN - IN_TARGETS_OF_OTHERS == targets


def test_every_target_says_first_what_it_changes() -> None:
    for target in TARGETS.iterdir():
        assert (target / "tasks/main.yml").read_text().startswith("---\n# "), target.name
