# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""guest_events_info: documented here; the work is done by the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: guest_events_info
short_description: Read the event logs of a host to find the devices that need guest logons
version_added: 1.0.0
description:
  - Reads the SMB events of a Windows host about guest logons, signing and encryption, and sums them up by server. The
    host filters the events.
  - Shows which devices a host uses as a guest, which users do so, and which devices support neither signing nor
    encryption.
  - Reports an event or a channel that this Windows does not have as not available. That is not the same as no
    events. See RV(ids) and RV(channels).
author:
  - winops contributors (@winops)
options:
  ids:
    description: Which events to read. The default is all of them.
    type: list
    elements: int
    choices:
      3021: A client does not support signing (the host is the server).
      3022: A client does not support encryption (the host is the server).
      3023: A client logged on as guest (the host is the server).
      31013: The signature of a message of a server was wrong.
      31014: The encryption of a message to a server failed.
      31016: Signing is not enabled, which differs from the default.
      31017: An insecure guest logon was refused. Windows does not write it where signing or encryption is the reason.
      31018: Insecure guest logons are allowed.
      31022: An insecure guest logon was allowed.
      31023: NTLM to a server was blocked.
      31997: A server logged this client on as guest. Needs an audit, see M(winops.smb_guest.audit).
      31998: A server does not support signing. Needs an audit.
      31999: A server does not support encryption. Needs an audit.
    default: [3021, 3022, 3023, 31013, 31014, 31016, 31017, 31018, 31022, 31023, 31997, 31998, 31999]
  since:
    description:
      - Read only later events. Either an age by the clock of the host, such as V(30m), V(8h), V(7d) or V(2w), or a
        time in ISO 8601 such as V(2026-11-23T21:30:00Z). A time without a time zone is UTC.
      - Without it the module reads all events that the logs still hold.
    type: str
  bookmark:
    description:
      - The RV(bookmark) of an earlier run on the same host. The module reads only events that are new since then.
      - It stays valid when a log is cleared in between.
    type: dict
  max_events:
    description:
      - Read and sum up at most this many events, the oldest first. Where there are more, the module warns, and
        RV(bookmark) continues from there.
      - V(0) to V(1000000). The memory does not depend on it.
    type: int
    default: 20000
  list_events:
    description: How many of the newest events that were read RV(events) lists, V(0) to V(10000).
    type: int
    default: 1000
  way:
    description: How to read the events. RV(read.way) shows which way the module used.
    type: str
    choices:
      auto: V(subscription), or V(wevtutil) where the host refuses the subscription.
      subscription: A pull subscription of WS-Eventing. It starts no process on the host.
      wevtutil: C(wevtutil.exe) in a WinRM shell. One process for each channel and each 1000 events, no PowerShell.
    default: auto
extends_documentation_fragment:
  - winops.smb_guest.attributes
  - winops.smb_guest.attributes.info
  - winops.smb_guest.winrm
attributes:
  process:
    support: partial
    details: >-
      A subscription starts none. Where the host refuses it, or with O(way=wevtutil), C(wevtutil.exe) runs in a WinRM
      shell.
notes:
  - The module ends its subscription at the end of the task, also when the task fails. If the connection is lost while
    the host creates the subscription, the host deletes it after ten minutes.
  - The last answer of a subscription takes about five seconds, because the host waits for more events.
seealso:
  - module: winops.smb_guest.audit
    description: Enables the audits and the channels.
  - module: winops.smb_guest.connections_info
    description: Lists the connections that are open now.
  - module: winops.smb_guest.client_facts
    description: Lists in C(audit.events_to_expect) the events that the host writes in its present state.
"""

EXAMPLES = r"""
- name: Read the events about guest logons
  winops.smb_guest.guest_events_info:
  register: smb_events

- name: List the devices that this host uses as a guest
  ansible.builtin.debug:
    msg: "{{ item.name }}: {{ item.counts }}, last seen {{ item.last_seen }} by {{ item.users | join(', ') }}"
  loop: "{{ smb_events.servers }}"

- name: Fail if a guest logon used an IP address
  ansible.builtin.assert:
    that: smb_events.servers | selectattr('is_ip_address') | length == 0

- name: Read refused and allowed guest logons of the last week
  winops.smb_guest.guest_events_info:
    ids: [31017, 31022]
    since: 7d

- name: Read only the events since the last run
  winops.smb_guest.guest_events_info:
    bookmark: "{{ lookup('ansible.builtin.file', bookmark_file, errors='ignore') | default('{}', true) | from_json }}"
  register: smb_events
  vars:
    bookmark_file: "{{ inventory_hostname }}.bookmark.json"

- name: Keep the bookmark for the next run
  ansible.builtin.copy:
    content: "{{ smb_events.bookmark | to_json }}"
    dest: "{{ inventory_hostname }}.bookmark.json"
    mode: "0600"
  delegate_to: localhost
"""

RETURN = r"""
events:
  description: The newest events that were read, oldest first. At most O(list_events).
  returned: success
  type: list
  elements: dict
  contains:
    time:
      description: The time in UTC, by the clock of the host. V(null) where the event has none.
      returned: always
      type: str
      sample: "2026-11-23T21:30:00.123456Z"
    id:
      description: The event id.
      returned: always
      type: int
      sample: 31022
    name:
      description: Its name in the manifest of Windows 11 24H2.
      returned: always
      type: str
      sample: AllowedInsecureGuestAuth
    level:
      description: V(Critical), V(Error), V(Warning), V(Informational) or V(Verbose). V(null) where it is none of them.
      returned: always
      type: str
      sample: Warning
    meaning:
      description: The meaning of the event.
      returned: always
      type: str
      sample: an insecure guest logon was allowed
    server:
      description: The SMB server that it names, without backslashes. V(null) where it names none.
      returned: always
      type: str
      sample: nas01
    client:
      description: The SMB client that it names, as a name or an address. V(null) where it names none.
      returned: always
      type: str
      sample: 192.0.2.10
    user:
      description: The user that it names, which may be empty. V(null) where it names none.
      returned: always
      type: str
      sample: alice
    share:
      description: The share that it names. V(null) where it names none.
      returned: always
      type: str
      sample: '\nas01\scans'
    channel:
      description: The channel where it was found.
      returned: always
      type: str
      sample: Microsoft-Windows-SmbClient/Security
    record_id:
      description: Its number in the channel. V(null) where the event has none.
      returned: always
      type: int
      sample: 42
    computer:
      description: The name that the host gave itself in the event.
      returned: always
      type: str
      sample: HOST01.example.com
    fields:
      description: All fields of the event as text, by their names in Windows.
      returned: always
      type: dict
      sample: {UserName: alice, UserNameLength: "5", ServerName: '\nas01', ServerNameLength: "6"}
servers:
  description: >-
    A row for each SMB server that the events name, the one with the most events first. It sums up all events that
    were read, not only those that RV(events) lists.
  returned: success
  type: list
  elements: dict
  contains: &peer
    name:
      description: >-
        The name without backslashes, as the newest event before any other spelling of it had it.
      returned: always
      type: str
      sample: nas01
    is_ip_address:
      description: Whether it is an IP address. Kerberos and its proof of identity do not work with one.
      returned: always
      type: bool
    events:
      description: How many events name it.
      returned: always
      type: int
      sample: 12
    counts:
      description: >-
        How many of each kind, C(guest_refused), C(guest_allowed), C(guest_audited), C(without_signing),
        C(without_encryption), C(signing_failed), C(encryption_failed) or C(ntlm_blocked). A guest logon that is allowed
        and audited is counted in both C(guest_allowed) and C(guest_audited).
      returned: always
      type: dict
      sample: {guest_allowed: 12}
    days:
      description: The same day by day, the newest 62 days that have an event.
      returned: always
      type: list
      elements: dict
      contains:
        day:
          description: The day, in UTC.
          returned: always
          type: str
          sample: "2026-11-20"
        counts:
          description: How many of each kind.
          returned: always
          type: dict
          sample: {guest_allowed: 3}
    first_seen:
      description: The time of the oldest of them. V(null) where none has a time.
      returned: always
      type: str
      sample: "2026-11-20T08:00:00Z"
    last_seen:
      description: The time of the newest of them. V(null) where none has a time.
      returned: always
      type: str
      sample: "2026-11-23T21:30:00Z"
    users:
      description: The users that the events name, at most 50.
      returned: always
      type: list
      elements: str
      sample: [alice]
    users_omitted:
      description: Whether there were more.
      returned: always
      type: bool
    empty_user:
      description: Whether an event has an empty user name, which a device or an attack may cause.
      returned: always
      type: bool
clients:
  description: The same for each SMB client that events 3021 to 3023 name, where the host is the server.
  returned: success
  type: list
  elements: dict
  contains: *peer
ids:
  description: A row for each event id in O(ids).
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: The event id.
      returned: always
      type: int
      sample: 31022
    name:
      description: Its name in the manifest of Windows 11 24H2.
      returned: always
      type: str
      sample: AllowedInsecureGuestAuth
    meaning:
      description: The meaning of the event.
      returned: always
      type: str
      sample: an insecure guest logon was allowed
    available:
      description: >-
        Whether this Windows can write it and its channel could be read. Where it is V(false), the absence of events
        means nothing.
      returned: always
      type: bool
    events:
      description: How many were read.
      returned: always
      type: int
      sample: 12
channels:
  description: A row for each channel that can hold the events of O(ids).
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The channel.
      returned: always
      type: str
      sample: Microsoft-Windows-SmbClient/Security
    available:
      description: Whether the host has it.
      returned: always
      type: bool
    enabled:
      description: Whether Windows writes events to it. V(null) where the host does not report it.
      returned: always
      type: bool
    reason:
      description: Why it could not be read. Empty where it could.
      returned: always
      type: str
      sample: this Windows does not have it
    events:
      description: How many of its events were read.
      returned: always
      type: int
      sample: 12
    oldest:
      description: The time of the oldest event that was read. V(null) where there was none.
      returned: always
      type: str
      sample: "2026-11-20T06:12:00Z"
    newest:
      description: The time of the newest event that was read. V(null) where there was none.
      returned: always
      type: str
      sample: "2026-11-23T21:30:00Z"
bookmark:
  description: The last event that this run read in each channel. Pass it to O(bookmark) of a later run.
  returned: success
  type: dict
  sample: {"Microsoft-Windows-SmbClient/Security": {"record_id": 42, "time": "2026-11-23T21:30:00.123456Z"}}
read:
  description: How the events were read.
  returned: success
  type: dict
  contains:
    way:
      description: V(subscription) or V(wevtutil). V(null) where the host has none of the channels.
      returned: always
      type: str
      sample: subscription
    refused:
      description: >-
        Why the module did not use the subscription, or not to the end. V(null) if it did, or if it did not try.
      returned: always
      type: str
    events:
      description: How many events were read.
      returned: always
      type: int
      sample: 137
    pages:
      description: How many answers held them.
      returned: always
      type: int
      sample: 1
    unreadable:
      description: How many events the module skipped because they are no valid XML.
      returned: always
      type: int
      sample: 0
    omitted:
      description: How many events name a server or client without a row, because there are more than 2000 of either.
      returned: always
      type: int
      sample: 0
    undecodable:
      description: Whether names lost characters on the host.
      returned: always
      type: bool
    capped:
      description: The limits that ended the reading, V(max_events) or V(max_pages) (2000 answers). Empty if none did.
      returned: always
      type: list
      elements: str
      sample: []
"""
