"""A GPO that this project did not make: created, filled and linked by Samba's own tools."""

from __future__ import annotations

import subprocess

from judges import SYSTEM_PYTHON
from samba_dc import SambaDc

KEY, VALUE = r"Software\Policies\Microsoft\Windows\LanmanWorkstation", "AllowInsecureGuestAuth"
EXTENSIONS = "[{35378EAC-683F-11D2-A89A-00C04FBBCFA2}{D02B1F72-3407-48AE-BA88-E8213C6761F1}]"

_PREG = r"""
import sys
from samba.dcerpc import preg
from samba.ndr import ndr_pack
entry = preg.entry()
entry.keyname, entry.valuename, entry.type, entry.size, entry.data = *sys.argv[2:], 4, 4, 1
file = preg.file()
file.header.signature, file.header.version, file.num_entries, file.entries = "PReg", 1, 1, [entry]
open(sys.argv[1], "wb").write(ndr_pack(file))
"""


def make_foreign_gpo(dc: SambaDc, name: str, unit: str) -> None:
    """A GPO that allows insecure guest logons, linked to a unit. Raises AssertionError, CalledProcessError."""
    made = dc.tool("gpo", "create", name)
    guid = "{" + made.partition("{")[2].partition("}")[0] + "}"
    folder = dc.sysvol / dc.domain / "Policies" / guid
    subprocess.run([SYSTEM_PYTHON, "-c", _PREG, folder / "Machine" / "Registry.pol", KEY, VALUE], check=True)
    ldif = (
        f"dn: CN={guid},CN=Policies,CN=System,{dc.dn}\nchangetype: modify\nreplace: versionNumber\nversionNumber: 1\n"
    )
    ldif += f"-\nreplace: gPCMachineExtensionNames\ngPCMachineExtensionNames: {EXTENSIONS}\n"
    dc.change(ldif)
    (folder / "GPT.INI").write_bytes(b"[General]\r\nVersion=1\r\n")
    dc.tool("gpo", "setlink", unit, guid)
