# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""guest_events_info: documented here; the work is done by the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: guest_events_info
short_description: Find out from the event log of a host who needs guest logons
version_added: 1.0.0
description:
  - Reads the SMB events of a Windows host about guest logons, signing and encryption, and sums them up by server. The
    events are filtered on the host.
  - It tells which devices a host uses as a guest, which users do, and which devices can neither sign nor encrypt.
  - An event or a channel that the Windows of the host does not have is said to be not available, which is not the same
    as nothing found. See RV(ids) and RV(channels).
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
      31016: Signing is not enabled as it is by default.
      31017: An insecure guest logon was refused. It is not written where signing or encryption refuses the logon.
      31018: Insecure guest logons are found allowed.
      31022: An insecure guest logon was allowed.
      31023: NTLM to a server was blocked.
      31997: A server logged this client on as guest. It has to be audited, see M(winops.smb_guest.audit).
      31998: A server does not support signing. It has to be audited.
      31999: A server does not support encryption. It has to be audited.
    default: [3021, 3022, 3023, 31013, 31014, 31016, 31017, 31018, 31022, 31023, 31997, 31998, 31999]
  since:
    description:
      - Read only events that are younger. Either an age by the clock of the host, such as V(30m), V(8h), V(7d) or
        V(2w), or a time in ISO 8601 such as V(2026-11-23T21:30:00Z), which is UTC where it names no time zone.
      - The default is to read all that the logs still hold.
    type: str
  bookmark:
    description:
      - The RV(bookmark) of an earlier run on the same host. Only what is new since then is read.
      - It stays right when a log is cleared meanwhile.
    type: dict
  max_events:
    description:
      - At most this many events are read and summed up, the oldest first. Where there are more, the module warns, and
        RV(bookmark) goes on from there.
      - V(0) to V(1000000). The memory that is needed does not depend on it.
    type: int
    default: 20000
  list_events:
    description: How many of the newest events that were read RV(events) lists, V(0) to V(10000).
    type: int
    default: 1000
  way:
    description: How to read. RV(read.way) says which way was taken.
    type: str
    choices:
      auto: V(subscription), and V(wevtutil) where the host refuses it.
      subscription: A pull subscription of WS-Eventing. No process is started on the host.
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
      None with a subscription. Where the host refuses it, or O(way=wevtutil), C(wevtutil.exe) is run in a WinRM shell.
notes:
  - A subscription is given up at the end of the task, whatever happens. Where the connection is lost at the very moment
    when the host makes it, the host forgets it after ten minutes.
  - The last answer of a subscription takes about five seconds, in which the host waits for more events.
seealso:
  - module: winops.smb_guest.audit
    description: Switches the audits on and enables the channels.
  - module: winops.smb_guest.connections_info
    description: Tells who is connected right now.
  - module: winops.smb_guest.client_facts
    description: Tells in C(audit.events_to_expect) which events the host writes in its present state.
"""

EXAMPLES = r"""
- name: Read what the logs hold about guest logons
  winops.smb_guest.guest_events_info:
  register: smb_events

- name: List the devices that this host uses as a guest
  ansible.builtin.debug:
    msg: "{{ item.name }}: {{ item.counts }}, last seen {{ item.last_seen }} by {{ item.users | join(', ') }}"
  loop: "{{ smb_events.servers }}"

- name: Stop where a guest logon went to an address, or without a user
  ansible.builtin.assert:
    that: smb_events.servers | selectattr('is_ip_address') | length == 0

- name: Read refused and allowed guest logons of the last week
  winops.smb_guest.guest_events_info:
    ids: [31017, 31022]
    since: 7d

- name: Read only what is new since the last run
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
      description: When, in UTC by the clock of the host. V(null) where the event does not say it.
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
      description: What it tells.
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
      description: Its number in the channel. V(null) where the event does not say it.
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
    A row for each SMB server that the events name, the one with the most events first. It sums up everything that was
    read, not only what RV(events) lists.
  returned: success
  type: list
  elements: dict
  contains: &peer
    name:
      description: The name, as the newest event before any other spelling of it had it, without backslashes.
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
      description: The time of the oldest of them. V(null) where none says it.
      returned: always
      type: str
      sample: "2026-11-20T08:00:00Z"
    last_seen:
      description: The time of the newest of them. V(null) where none says it.
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
  description: A row for each event id that was asked for.
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
      description: What it tells.
      returned: always
      type: str
      sample: an insecure guest logon was allowed
    available:
      description: >-
        Whether this Windows can write it and its channel could be read. Where it is V(false), no events mean nothing.
      returned: always
      type: bool
    events:
      description: How many were read.
      returned: always
      type: int
      sample: 12
channels:
  description: A row for each channel that O(ids) are looked for in.
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
      description: Whether anything is written to it. V(null) where the host does not say it.
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
  description: How far this run came in each channel. Give it to O(bookmark) of a later run.
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
      description: Why the subscription was not used, or not to the end. V(null) where it was, or was not tried.
      returned: always
      type: str
    events:
      description: How many events were read.
      returned: always
      type: int
      sample: 137
    pages:
      description: In how many answers they came.
      returned: always
      type: int
      sample: 1
    unreadable:
      description: How many were left out because they were no XML.
      returned: always
      type: int
      sample: 0
    omitted:
      description: Events of servers and clients that have no row, because there are more than 2000 of either.
      returned: always
      type: int
      sample: 0
    undecodable:
      description: Whether names lost characters on the host.
      returned: always
      type: bool
    capped:
      description: The caps that ended the reading, V(max_events) or V(max_pages) (2000 answers). Empty where none did.
      returned: always
      type: list
      elements: str
      sample: []
"""
