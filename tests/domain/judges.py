# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Samba's own code says about a GPO: judges that this project did not write, run by the system's Python."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from samba_dc import SambaDc

SYSTEM_PYTHON = "/usr/bin/python3"

_PREG = r"""
import json, sys
from samba.dcerpc import preg
from samba.ndr import ndr_pack, ndr_unpack
content = open(sys.argv[1], "rb").read()
file = ndr_unpack(preg.file, content)
entries = [[e.keyname, e.valuename, e.type, e.data if isinstance(e.data, int) else list(e.data)] for e in file.entries]
print(json.dumps({"same": ndr_pack(file) == content, "entries": entries}))
"""

_GPO_LIST = r"""
import json, sys
from samba.credentials import Credentials
from samba.gp.gpclass import get_gpo_list
from samba.param import LoadParm
conf, server, realm, domain, user, password, accounts = sys.argv[1:]
lp = LoadParm(); lp.load(conf)
creds = Credentials(); creds.guess(lp)
creds.set_username(user); creds.set_password(password); creds.set_domain(domain); creds.set_realm(realm)
answer = {}
for account in json.loads(accounts):
    answer[account] = [gpo.name for gpo in get_gpo_list(server, creds, lp, account)]
print(json.dumps(answer))
"""


@dataclass
class Judges:
    """Asks Samba about the domain."""

    dc: SambaDc

    def preg(self, path: Path) -> dict[str, Any]:
        """samba.dcerpc.preg of a Registry.pol: its entries, and whether packing them again gives the same bytes."""
        return self._python(_PREG, str(path))

    def gpo_list(self, accounts: list[str]) -> dict[str, list[str]]:
        """samba.gp.gpclass.get_gpo_list for each machine account: GUIDs in the order of applying."""
        dc = self.dc
        arguments = [
            str(dc.smb_conf),
            dc.fqdn,
            dc.realm,
            dc.netbios,
            "Administrator",
            dc.password,
            json.dumps(accounts),
        ]
        return self._python(_GPO_LIST, *arguments)

    def _python(self, code: str, *arguments: str) -> Any:
        command = self.dc.inside(SYSTEM_PYTHON, "-c", code, *arguments)
        done = subprocess.run(command, check=False, capture_output=True, text=True, env=self.dc.environ)
        assert done.returncode == 0, done.stderr[-3000:]
        return json.loads(done.stdout.splitlines()[-1])
