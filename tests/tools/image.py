"""Builds the whole image of an execution environment, and runs the collection from inside of it.

    make image

No container registry: the base is debootstrapped, and buildah works without a daemon. Root on Debian. The
base trusts the certificates that this machine trusts. All is made in a temporary folder, and nothing stays: tools that
copy the checkout would stumble over an image in it.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from checkout import ROOT, link_collection
from galaxy import BIN, Failed, build, describe_environment, run
from system_packages import missing

sys.path.insert(0, str(ROOT / "tests"))
from simulated_windows.client import Fleet

PACKAGES = ("buildah", "debootstrap", "crun")
SUITE = "trixie"
"""Of Debian: its Python runs the newest ansible-core."""
IN_BASE = "python3,python3-pip,python3-venv,ca-certificates,git"
CERTIFICATES = "etc/ssl/certs/ca-certificates.crt"
BASE, IMAGE = "localhost/base:latest", "localhost/winops-ee:latest"
RECIPE = "Containerfile"
HOST = {"name": "host", "preset": "windows_11_23h2_pro"}


def main() -> None:
    """Build and try it."""
    if line := missing(PACKAGES):
        sys.exit(f"not run: {line}")
    link_collection()
    folder = Path(tempfile.mkdtemp(prefix="winops-image-"))
    buildah = Buildah(folder / "storage")
    try:
        make_base(buildah, folder / "base")
        make_image(buildah, folder / "context")
        try_image(buildah, folder / "inside")
    except Failed as failure:
        sys.exit(str(failure))
    finally:
        remove(folder)


def remove(folder: Path) -> None:
    """Delete a folder, unless something is mounted in it: that would be deleted as well."""
    if str(folder) in Path("/proc/mounts").read_text():
        sys.exit(f"something is still mounted below {folder}: unmount it, then delete that folder")
    shutil.rmtree(folder)


class Buildah:
    """Buildah on a storage of its own."""

    def __init__(self, storage: Path) -> None:
        self._storage = storage

    def __call__(self, *arguments: str) -> str:
        """Run it; return what it printed. Raises Failed."""
        storage = ["--root", str(self._storage / "root"), "--runroot", str(self._storage / "run")]
        return run(["buildah", *storage, *arguments], BUILDAH_ISOLATION="chroot", STORAGE_DRIVER="vfs").strip()


def make_base(buildah: Buildah, folder: Path) -> None:
    """An image of Debian with Python."""
    say("the base, by debootstrap")
    run(["debootstrap", "--variant=minbase", f"--include={IN_BASE}", SUITE, str(folder), mirror()])
    shutil.copy(f"/{CERTIFICATES}", folder / CERTIFICATES)
    container = buildah("from", "scratch")
    buildah("copy", "--quiet", container, str(folder), "/")
    buildah("commit", "--quiet", container, BASE)
    buildah("rm", container)


def mirror() -> str:
    """Where this machine has its Debian from."""
    sites = run(["apt-get", "indextargets", "--format", "$(SITE)", "Origin: Debian", "Label: Debian"]).splitlines()
    if not sites:
        raise Failed("apt-get names no mirror of Debian: run apt-get update, on Debian")
    return sites[0]


def make_image(buildah: Buildah, folder: Path) -> None:
    """The image, with the artefact of this checkout, as ansible-builder describes it."""
    folder.mkdir()
    options = {"package_manager_path": "/usr/bin/apt-get", "skip_pip_install": True}
    describe_environment(build(folder), folder, BASE, **options)
    run([str(BIN / "ansible-builder"), "create", "--output-filename", RECIPE], folder)
    say("the image, by buildah")
    context = folder / "context"
    buildah("bud", "--pull-never", "--network", "host", "--tag", IMAGE, "--file", str(context / RECIPE), str(context))


def try_image(buildah: Buildah, folder: Path) -> None:
    """Harden simulated hosts from inside of it; over winrm and psrp, each read back at the host. Raises Failed."""
    say("a playbook in it, against simulated Windows hosts")
    container = buildah("from", "--pull-never", IMAGE)
    folder.mkdir()
    with Fleet({"hosts": [HOST]}) as fleet:
        shutil.copy(Path(__file__).with_suffix(".yml"), folder / "playbook.yml")
        shutil.copy(fleet.inventory_path, folder / "inventory.yml")
        buildah("copy", "--quiet", container, str(folder), "/runner/project")
        inside = ["run", "--user", "0", "--env", "HOME=/root", "--network", "host", container, "--"]
        for connection in ("winrm", "psrp"):
            fleet.control.reset("host")
            if hardened(fleet.control.state("host")):
                raise Failed("the host was hard before: that it is so afterwards would prove nothing")
            more = {"ansible_connection": connection, "ansible_psrp_auth": "ntlm", "ansible_psrp_protocol": "http"}
            playbook = ["ansible-playbook", "-i", "/runner/project/inventory.yml", "/runner/project/playbook.yml"]
            output = buildah(*inside, *playbook, "--extra-vars", json.dumps(more))
            if not hardened(fleet.control.state("host")):
                raise Failed(f"the host was not hardened over {connection}:\n{output}")
            print(f"{connection}: hardened, and read back at the host")
        print(buildah(*inside, "ansible", "--version").splitlines()[0])


def hardened(state: dict[str, Any]) -> bool:
    """Whether what runs on a host blocks guest logons and requires signing."""
    client = state["smb_client"]
    return not client["EnableInsecureGuestLogons"] and bool(client["RequireSecuritySignature"])


def say(what: str) -> None:
    """What is at work, since it takes minutes."""
    print(f"[image] {what}", flush=True)


if __name__ == "__main__":
    main()
