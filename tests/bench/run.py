"""`make bench`: what the collection costs on the wire, beside the equivalent ansible.windows tasks.

Prints a table, writes tests/output/bench.json, and ends with status 1 where a bound of cases.py is broken.
"""

from __future__ import annotations

import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]

if __name__ == "__main__":
    # The demo's way to run ansible-playbook is this one's, too.
    sys.path[:0] = [str(TESTS), str(TESTS / "tools"), str(TESTS / "demo")]
    from checkout import COLLECTIONS, link_collection

    link_collection()
    sys.path.insert(0, str(COLLECTIONS))
    from bench import main

    sys.exit(main())
