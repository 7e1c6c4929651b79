"""What every test needs: the collection under its Ansible name, simulated_windows, and a hypothesis free of clocks."""

from __future__ import annotations

import os
import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parent
# ansible-test units has a configuration of its own and does not read pythonpath in pyproject.toml.
sys.path[:0] = [folder for folder in (str(TESTS), str(TESTS / "tools")) if folder not in sys.path]

from checkout import COLLECTION, COLLECTIONS, OUTPUT, ROOT, isolated_environ, link_collection  # noqa: E402
from hypothesis import HealthCheck, settings  # noqa: E402

# Before anything imports ansible, which reads its settings once. Playbooks that tests start inherit them too.
os.environ.update(isolated_environ())
if ROOT.parts[-3:] == COLLECTION.parts:  # installed, or the copy of ansible-test: it has its name already
    os.environ["ANSIBLE_COLLECTIONS_PATH"] = str(ROOT.parents[2])
    # ansible-test takes no --basetemp; pytest's own folder is shared by all that runs on the machine.
    OUTPUT.mkdir(parents=True, exist_ok=True)
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(OUTPUT))
else:
    link_collection()
    sys.path.insert(0, str(COLLECTIONS))

# No outcome may depend on the speed of the machine; in CI, the same examples every time.
settings.register_profile(
    "gate", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=bool(os.environ.get("CI"))
)
settings.load_profile("gate")
