"""`make demo-domain`: a whole domain by one GPO, shown in a real Samba domain.

Ends with status 1 where a step does not do what domain_story.py says, 130 after Ctrl-C. Leaves no process and no file.
"""

from __future__ import annotations

import sys
from pathlib import Path

DEMO = Path(__file__).resolve().parents[1]
TESTS = DEMO.parent

if __name__ == "__main__":
    sys.path[:0] = [str(DEMO), str(TESTS / "tools"), str(TESTS / "domain")]
    from domain_demo import main

    sys.exit(main())
