"""Says what `make demo-domain` needs, and installs it through apt. Ends with status 1 and the reason where it cannot.

Standard library only: it runs before there is an environment.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parents[2]

if __name__ == "__main__":
    sys.path[:0] = [str(TESTS / "tools"), str(TESTS / "domain")]
    from samba_dc import PACKAGES
    from system_packages import missing

    print(
        "This demo starts a real Active Directory domain: a Samba domain controller on a loopback address, as root,\n"
        "and ends it again. It needs packages of Debian or Ubuntu; what is not there is installed through apt now:\n"
        f"  {' '.join(PACKAGES)}",
        flush=True,
    )
    lacking = missing(PACKAGES) if os.geteuid() == 0 else "a domain controller needs root"
    if lacking:
        sys.exit(f"\nNot possible here: {lacking}")
