# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A damaged GPO stops its own changes before the first write, blocks no other GPO, and can be deleted."""

from __future__ import annotations

import shutil

import pytest
from conftest import Domain

from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain.errors import DomainError
from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain.ldap_messages import Modification
from ansible_collections.winops.smb_guest.plugins.plugin_utils.policy_files.gpt_ini import GptIni

GUEST, SIGNING = "insecure_guest_logons", "client_signing"


@pytest.mark.parametrize(
    "content", [b"", b"\xef\xbb\xbf[General]\r\nVersion=1\r\n", b"[General]\r\n", b"[General]\r\nVersion=0x1\r\n"]
)
def test_damaged_gpt_ini_blocks_one_gpo(domain: Domain, content: bytes) -> None:
    name = domain.name("Damaged")
    guid = domain.present(name, settings={GUEST: True}).after["guid"]
    (domain.folder(guid) / "GPT.INI").write_bytes(content)
    before = domain.everything()
    with pytest.raises(DomainError, match=f"GPT.INI of the GPO {name} is damaged"):
        domain.present(name, settings={GUEST: False})
    assert domain.everything() == before
    assert domain.present(domain.name("Healthy"), settings={GUEST: False}).changed
    gone = domain.absent(name)
    assert gone.changed
    assert gone.after == {}
    assert not domain.folder(guid).exists()


def test_container_without_its_folder(domain: Domain) -> None:
    name = domain.name("Orphan")
    guid = domain.present(name, settings={GUEST: True}).after["guid"]
    shutil.rmtree(domain.folder(guid))
    with pytest.raises(DomainError, match=f"The GPO {name} .* has no folder"):
        domain.present(name, settings={GUEST: False})
    assert domain.present(domain.name("Healthy"), settings={GUEST: False}).changed
    assert domain.absent(name).changed


def test_container_without_a_version(domain: Domain) -> None:
    name = domain.name("No version")
    guid = domain.present(name, settings={GUEST: True}).after["guid"]
    with domain.directory() as directory:
        dn = f"CN={guid},CN=Policies,CN=System,{domain.dc.dn}"
        directory.modify(dn, [Modification.replace("versionNumber", None)])
    assert domain.present(name, settings={GUEST: False}).after["settings"] == {GUEST: "blocked"}


def test_gpt_ini_in_utf_16_is_read_and_kept_so(domain: Domain) -> None:
    name = domain.name("Wide")
    guid = domain.present(name, settings={GUEST: True}).after["guid"]
    path = domain.folder(guid) / "GPT.INI"
    path.write_bytes(b"\xff\xfe" + path.read_bytes().decode().encode("utf-16-le"))
    after = domain.present(name, settings={GUEST: False}).after
    assert path.read_bytes().startswith(b"\xff\xfe[\0G\0")
    assert GptIni.parse(path.read_bytes()).version.machine == after["version"]


def test_template_in_another_form_is_kept_where_the_task_does_not_touch_it(domain: Domain) -> None:
    """As `samba-tool gpo manage security set` writes it: no byte order mark, no signature."""
    name = domain.name("Samba's template")
    guid = domain.present(name, settings={GUEST: True}).after["guid"]
    template = domain.folder(guid) / "Machine" / "Microsoft" / "Windows NT" / "SecEdit" / "GptTmpl.inf"
    template.parent.mkdir(parents=True)
    template.write_bytes(b"[System Access]\nMinimumPasswordLength = 10\n\n")
    changed = domain.present(name, settings={GUEST: False})
    assert changed.after["settings"] == {GUEST: "blocked"}
    with pytest.raises(DomainError, match=rf"GptTmpl.inf of the GPO {name} is damaged"):
        domain.present(name, settings={SIGNING: True})
    assert domain.revert(changed).after["settings"] == {GUEST: "allowed"}
    assert template.read_bytes() == b"[System Access]\nMinimumPasswordLength = 10\n\n"


def test_damaged_journal_blocks_one_gpo(domain: Domain) -> None:
    name, other = domain.name("Its journal"), domain.name("Other journal")
    created = domain.present(name, settings={GUEST: True})
    domain.present(other, settings={GUEST: True})
    path = domain.folder("winops.smb_guest") / f"{created.after['guid']}.S-1-5-32-544.json"
    good = path.read_bytes()
    path.write_bytes(good[:40])
    with pytest.raises(DomainError, match=r"The journal .* cannot be used"):
        domain.present(name, settings={GUEST: False})
    assert domain.present(other, settings={GUEST: False}).changed
    path.write_bytes(good)
