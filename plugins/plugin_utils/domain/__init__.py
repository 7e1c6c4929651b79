# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# FOR INTERNAL COLLECTION USE ONLY: nothing outside this collection may import it.
"""A domain controller, as the controller node talks to it: LDAP through `directory`, files through `sysvol`."""
