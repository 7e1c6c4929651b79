# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""connections_info: documented here; the work is done by the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: connections_info
short_description: List the SMB connections of a host, and which of them are guest or unprotected
version_added: 1.0.0
description:
  - Lists the connections of a Windows host to SMB servers, and the sessions that SMB clients have with it.
  - It shows which connections are guest sessions, which are neither signed nor encrypted, and which still use an older
    setting. Open connections keep what they negotiated. After a change they have to reconnect.
  - No property of Windows says that a connection is a guest session. A signed or encrypted connection is none. It is
    one if event 31022 names its server and user, or event 31997 its server. For any other RV(connections[].guest) is
    V(null).
author:
  - winops contributors (@winops)
options:
  sides:
    description: What to list.
    type: list
    elements: str
    choices:
      client: The connections of the host to SMB servers.
      server: The sessions of SMB clients with the host.
    default: [client, server]
  read_events:
    description: >-
      Whether to look for guest logons in the event log where a connection is neither signed nor encrypted. It takes
      some requests more. Windows before 24H2 does not write these events.
    type: bool
    default: true
extends_documentation_fragment:
  - winops.smb_guest.attributes
  - winops.smb_guest.attributes.info
  - winops.smb_guest.winrm
attributes:
  process:
    support: partial
    details: >-
      None, unless the host refuses an event subscription. Then C(wevtutil.exe) is run in a WinRM shell.
notes:
  - Windows may show an account only some of the connections, such as those of its own logon session. What it shows to
    an administrator over WinRM was not checked on a real host.
  - A session of a client does not say whether it is signed, encrypted or a guest's.
seealso:
  - module: winops.smb_guest.guest_events_info
    description: Shows from the event log who needs guest logons.
  - module: winops.smb_guest.client_facts
    description: Shows the settings of the host.
"""

EXAMPLES = r"""
- name: List the connections
  winops.smb_guest.connections_info:
  register: smb

- name: Show those that are guest sessions
  ansible.builtin.debug:
    msg: "{{ item.server }}\\{{ item.share }} as {{ item.user }}: {{ item.guest_evidence }}"
  loop: "{{ smb.connections | selectattr('guest', 'equalto', true) }}"

- name: Show those that have to be made anew after a change
  ansible.builtin.debug:
    msg: "{{ item.server }}\\{{ item.share }} does not live up to {{ item.contradicts | join(', ') }}"
  loop: "{{ smb.connections | selectattr('must_reconnect') }}"

- name: List only who is connected to a file server
  winops.smb_guest.connections_info:
    sides: [server]
"""

RETURN = r"""
connections:
  description: >-
    The connections of the host to SMB servers, by server and share. V(null) where O(sides) leaves them out or they
    could not be read.
  returned: success
  type: list
  elements: dict
  contains:
    server:
      description: The server, as the connection was asked for.
      returned: always
      type: str
      sample: nas01
    share:
      description: The share.
      returned: always
      type: str
      sample: scans
    user:
      description: The user of the host who connected.
      returned: always
      type: str
      sample: CORP\alice
    credential:
      description: The account that was used.
      returned: always
      type: str
      sample: nas01\alice
    dialect:
      description: The SMB version.
      returned: always
      type: str
      sample: 3.1.1
    opens:
      description: How many files are open. V(null) where the host does not say it.
      returned: always
      type: int
      sample: 2
    continuously_available:
      description: Whether the share is continuously available. V(null) where the host does not say it.
      returned: always
      type: bool
    signed:
      description: Whether it is signed. V(false) where it is encrypted. V(null) where the host does not say it.
      returned: always
      type: bool
    encrypted:
      description: Whether it is encrypted. V(null) where the host does not say it.
      returned: always
      type: bool
    guest:
      description: Whether it is a guest session. V(null) where nothing shows it.
      returned: always
      type: bool
    guest_evidence:
      description: What shows it.
      returned: always
      type: str
      sample: event 31022 of 2026-11-23T21:30:00Z
    unprotected:
      description: Whether it is neither signed nor encrypted. V(null) where the host does not say it.
      returned: always
      type: bool
    must_reconnect:
      description: Whether a setting in force would not let it be made as it is.
      returned: always
      type: bool
    contradicts:
      description: The settings that would not.
      returned: always
      type: list
      elements: str
      sample: [client_signing]
sessions:
  description: >-
    The sessions of SMB clients with the host, by client and user. V(null) where O(sides) leaves them out or they could
    not be read.
  returned: success
  type: list
  elements: dict
  contains:
    session_id:
      description: Its number. V(null) where the host does not say it.
      returned: always
      type: int
      sample: 4398046511181
    client:
      description: The client, as a name or an address.
      returned: always
      type: str
      sample: 192.0.2.10
    user:
      description: The account that it logged on with.
      returned: always
      type: str
      sample: CORP\bob
    dialect:
      description: The SMB version.
      returned: always
      type: str
      sample: 3.1.1
    opens:
      description: How many files are open. V(null) where the host does not say it.
      returned: always
      type: int
      sample: 1
    seconds_exists:
      description: How long it has been there. V(null) where the host does not say it.
      returned: always
      type: int
      sample: 3600
    seconds_idle:
      description: How long it has been idle. V(null) where the host does not say it.
      returned: always
      type: int
      sample: 12
counts:
  description: How many there are.
  returned: success
  type: dict
  contains:
    connections:
      description: Connections to servers.
      returned: when O(sides) has V(client)
      type: int
      sample: 3
    guest:
      description: Those that are guest sessions for certain.
      returned: when O(sides) has V(client)
      type: int
      sample: 1
    unprotected:
      description: Those that are neither signed nor encrypted.
      returned: when O(sides) has V(client)
      type: int
      sample: 1
    must_reconnect:
      description: Those that have to be made anew.
      returned: when O(sides) has V(client)
      type: int
      sample: 0
    sessions:
      description: Sessions of clients.
      returned: when O(sides) has V(server)
      type: int
      sample: 0
"""
