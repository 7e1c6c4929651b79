# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""revert_change: documented in revert_change.yml; the work is done by the action plugin of the same name."""

from __future__ import annotations
