# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every denial says what to do next: the innermost block that knows the right names it, the doors name the rest."""

from __future__ import annotations

from unittest.mock import MagicMock

import pytest

from ansible_collections.winops.smb_guest.plugins.plugin_utils.actions import domain_action
from ansible_collections.winops.smb_guest.plugins.plugin_utils.core.errors import worded
from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain.errors import MissingRight
from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain.rights import Right, needing


def test_the_innermost_right_is_named_once() -> None:
    with pytest.raises(MissingRight) as caught, needing(Right.OTHER), needing(Right.EDIT), needing(Right.LINK):
        raise MissingRight("linking it", "alice")
    assert worded(caught.value) == (
        "The domain denied access when linking it. alice needs 'Link GPOs' on that container (GPMC, its tab "
        "Delegation); Domain Admins have it."
    )


def test_a_denial_that_nobody_names_is_named_by_the_doors(monkeypatch: pytest.MonkeyPatch) -> None:
    directory = MagicMock(return_value=MagicMock(domain_dn="DC=ad,DC=example"))
    monkeypatch.setattr(domain_action, "Directory", directory)
    monkeypatch.setattr(domain_action, "Sysvol", MagicMock())
    with pytest.raises(MissingRight) as caught, domain_action.opened(MagicMock(), "ad.example"):
        raise MissingRight("reading its journal", "alice")
    assert worded(caught.value) == (
        "The domain denied access when reading its journal. alice needs access to it, which an administrator of the "
        "domain can give; Domain Admins have it."
    )
