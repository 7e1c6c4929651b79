"""The supported ansible-core releases: which exact version is tested, and which Pythons can run it as a controller.

Source: the support matrix of the ansible-core documentation, and CONTROLLER_PYTHON_VERSIONS in each release's
ansible_test. To move: set a newer patch release, add a row for a new minor release, drop the oldest together with
`requires_ansible` in meta/runtime.yml.
"""

from __future__ import annotations

from typing import NamedTuple

Version = tuple[int, int]


class AnsibleCore(NamedTuple):
    """One supported release: its exact version, and the first and last Python that can run it."""

    version: str
    first_python: Version
    last_python: Version

    @property
    def minor(self) -> str:
        """Such as `2.19`."""
        return ".".join(self.version.split(".")[:2])

    @property
    def is_released(self) -> bool:
        """Whether it is more than a release candidate."""
        return self.version.replace(".", "").isdigit()

    def runs_on(self, python: Version) -> bool:
        """Whether this release runs on that Python."""
        return self.first_python <= python <= self.last_python


ANSIBLE_CORES = (  # oldest first
    AnsibleCore("2.18.19", (3, 11), (3, 13)),
    AnsibleCore("2.19.14", (3, 11), (3, 13)),
    AnsibleCore("2.20.10", (3, 12), (3, 14)),
    AnsibleCore("2.21.5", (3, 12), (3, 14)),
    AnsibleCore("2.22.0rc1", (3, 13), (3, 15)),  # a release candidate: only `make matrix` uses it
)


def newest_for(python: Version) -> AnsibleCore | None:
    """The newest supported release that runs on `python`, or None. A release candidate is none."""
    return next((core for core in reversed(ANSIBLE_CORES) if core.is_released and core.runs_on(python)), None)
