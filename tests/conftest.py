"""What every test needs: the collection under its Ansible name, simulated_windows, and a hypothesis free of clocks."""

from __future__ import annotations

import os
import sys

from checkout import COLLECTIONS, isolated_environ, link_collection
from hypothesis import HealthCheck, settings

link_collection()
sys.path.insert(0, str(COLLECTIONS))
# Before anything imports ansible, which reads its settings once. Playbooks that tests start inherit them too.
os.environ.update(isolated_environ())

# No outcome may depend on the speed of the machine; in CI, the same examples every time.
settings.register_profile(
    "gate", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=bool(os.environ.get("CI"))
)
settings.load_profile("gate")
