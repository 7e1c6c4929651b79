# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files as large as they may be, full of what takes most memory: each costs megabytes, and is read or named."""

from __future__ import annotations

import codecs
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ansible_collections.winops.smb_guest.plugins.plugin_utils.policy_files.policy_reader import MAX_FILE

MAX_MEGABYTES = 60
LOCAL = r"SYSTEM\CurrentControlSet\Services\LanmanWorkstation\Parameters"
_TEMPLATE = '[Unicode]\r\nUnicode=yes\r\n[Version]\r\nsignature="$CHICAGO$"\r\n[Registry Values]\r\n'
_MEASURE = """
import resource, sys
from pathlib import Path
from ansible_collections.winops.smb_guest.plugins.plugin_utils.policy_files.policy_reader import PolicyFolder

path = Path(sys.argv[1])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
sources = PolicyFolder({path.name: path.read_bytes}).sources()
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
print(*(note for source in sources for note in source.notes), sep="\\n")
"""


def full(begin: bytes, unit: bytes, end: bytes = b"") -> bytes:
    return begin + unit * ((MAX_FILE - len(begin) - len(end)) // len(unit)) + end


def template(line: str) -> bytes:
    return codecs.BOM_UTF16_LE + full(_TEMPLATE.encode("utf-16-le"), line.encode("utf-16-le"))[: MAX_FILE - 2]


HOSTILE = {
    "lists.json": (full(b'{"omaSettings":[', b"[],", b"[]]}"), "more than 200000 values"),
    "deep.json": (full(b'{"omaSettings":', b"["), "more than 200000 values"),
    "names.json": (full(b'{"omaSettings":{"a":1', b',"a":1', b"}}"), "more than 200000 values"),
    "lgpo.txt": (full(b";\n", f"Computer\n{LOCAL}\nAllowInsecureGuestAuth\nSZ:x\n\n".encode()), "of another type"),
    "blank.txt": (full(b"Computer\na\nb\nDELETE\n", b"\n"), ""),
    "wide.reg": (full("Windows Registry Editor Version 5.00\n\U0001f600".encode(), b"x"), ""),
    "short.reg": (full(b"Windows Registry Editor Version 5.00\n\n[HKEY_LOCAL_MACHINE\\A]\n", b"\n"), ""),
    "values.inf": (template("a=4,1\r\n"), "more than 50000 lines"),
    "blank.inf": (template("\n"), "more than 50000 lines"),
    "elements.xml": (full(b"<PolicyRules>", b"<a/>", b"</PolicyRules>"), "more than 60000 elements"),
    "attributes.xml": (
        b"<PolicyRules " + b" ".join(b'a%d=""' % number for number in range(MAX_FILE // 12)) + b"/>",
        "more than 60000 attributes",
    ),
    "registry.pol": (full(b"PReg\1\0\0\0", "[a\0;a\0;\4\0;\4\0;\1\0]".encode("utf-16-le")), ""),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_file_costs_megabytes(name: str, tmp_path: Path) -> None:
    content, note = HOSTILE[name]
    assert len(content) <= MAX_FILE
    (tmp_path / name).write_bytes(content)
    command = [sys.executable, "-c", _MEASURE, str(tmp_path / name)]
    environ = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    printed = subprocess.run(command, capture_output=True, text=True, check=True, env=environ).stdout
    megabytes, *notes = printed.splitlines()
    assert float(megabytes) < MAX_MEGABYTES
    assert note in " ".join(notes)
