"""`make demo`: what the collection does, shown on a small simulated Windows fleet.

Ends with status 1 where a step does not do what story.py says, 130 after Ctrl-C. Leaves no process and no file.
"""

from __future__ import annotations

import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]

if __name__ == "__main__":
    sys.path[:0] = [str(TESTS), str(TESTS / "tools")]
    from demo import main

    sys.exit(main())
