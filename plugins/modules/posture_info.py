# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""posture_info: documented here; the work is done by the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: posture_info
short_description: Read from a host everything that the fleet report needs
version_added: 1.0.0
description:
  - Does the work of M(winops.smb_guest.client_facts), M(winops.smb_guest.guest_events_info) and
    M(winops.smb_guest.connections_info) in one session over one connection.
  - RV(posture.problems) names each part that cannot be read, and the module still reads the others. The task fails
    only if no part can be read.
  - Returns sums of the events instead of the events, so that thousands of hosts fit into the memory of the control
    node. M(winops.smb_guest.posture_report) writes a report of the results.
author:
  - winops contributors (@winops)
options:
  parts:
    description: What to read.
    type: list
    elements: str
    choices:
      settings: The Windows of the host, every setting, and whether insecure guest logons succeed.
      changes: The journal of the host.
      events: Which servers the event log names, and how often.
      connections: The connections to SMB servers that are open now.
      doors: The SMB1 client and server, the Guest account and ForceGuest.
    default: [settings, changes, events, connections, doors]
  since:
    description:
      - How far back to read events, as an age such as V(30d), V(8h) or V(2w), or as a time in ISO 8601.
    type: str
    default: 30d
  max_events:
    description:
      - Read at most this many events of a host. Where there are more, the module keeps the newest, and
        RV(posture.events.since) holds the time from which it read every event.
    type: int
    default: 20000
  way:
    description: How to read events, see O(winops.smb_guest.guest_events_info#module:way).
    type: str
    choices:
      auto: By a subscription, or by wevtutil where the host refuses the subscription.
      subscription: By a WS-Eventing pull subscription. It starts no process on the host.
      wevtutil: By C(wevtutil.exe) in a WinRM shell.
    default: auto
extends_documentation_fragment:
  - winops.smb_guest.attributes
  - winops.smb_guest.attributes.info
  - winops.smb_guest.winrm
attributes:
  process:
    support: partial
    details: C(wevtutil.exe) runs only if the host refuses the event subscription, or with O(way=wevtutil).
seealso:
  - module: winops.smb_guest.posture_report
  - module: winops.smb_guest.client_facts
  - module: winops.smb_guest.guest_events_info
  - module: winops.smb_guest.connections_info
"""

EXAMPLES = r"""
- name: Read the data of a report
  winops.smb_guest.posture_info:
  register: posture

- name: List the servers where this host is a guest
  ansible.builtin.debug:
    msg: "{{ posture.posture.servers | selectattr('counts.guest_allowed', 'defined') | map(attribute='name') }}"

- name: Read the last week, by subscription only
  winops.smb_guest.posture_info:
    since: 7d
    max_events: 5000
    way: subscription
  register: posture

- name: Read only settings and journal
  winops.smb_guest.posture_info:
    parts: [settings, changes]
  register: posture
"""

RETURN = r"""
posture:
  description: What the module read from the host.
  returned: success
  type: dict
  contains:
    os:
      description: As RV(winops.smb_guest.client_facts#module:ansible_facts.smb_guest.os).
      returned: when O(parts) has V(settings)
      type: dict
    identity:
      description: Which computer answered, as which account, and when.
      returned: when O(parts) has V(settings)
      type: dict
      contains:
        computer_name:
          description: The name that the computer gives itself. V(null) if it gives none.
          returned: always
          type: str
          sample: WS-0042
        domain:
          description: Its domain. V(null) outside of a domain.
          returned: always
          type: str
          sample: corp.example
        account:
          description: The account that the task used on the host.
          returned: always
          type: str
          sample: Administrator
        host_time:
          description: The time of the computer's own clock.
          returned: always
          type: str
          sample: "2026-11-25T17:00:00Z"
        read_at:
          description: The same moment by the clock of the control node.
          returned: always
          type: str
          sample: "2026-11-25T17:00:01Z"
    settings:
      description: As RV(winops.smb_guest.client_facts#module:ansible_facts.smb_guest.settings).
      returned: when O(parts) has V(settings)
      type: dict
    guest_access:
      description: As RV(winops.smb_guest.client_facts#module:ansible_facts.smb_guest.guest_access).
      returned: when O(parts) has V(settings)
      type: dict
    client_limits:
      description: As RV(winops.smb_guest.client_facts#module:ansible_facts.smb_guest.client_limits).
      returned: when O(parts) has V(settings)
      type: dict
    audit:
      description: As RV(winops.smb_guest.client_facts#module:ansible_facts.smb_guest.audit).
      returned: when O(parts) has V(settings)
      type: dict
    changes:
      description: As RV(winops.smb_guest.client_facts#module:ansible_facts.smb_guest.changes).
      returned: when O(parts) has V(changes)
      type: list
      elements: dict
    servers:
      description: As RV(winops.smb_guest.guest_events_info#module:servers).
      returned: when O(parts) has V(events)
      type: list
      elements: dict
    clients:
      description: As RV(winops.smb_guest.guest_events_info#module:clients).
      returned: when O(parts) has V(events)
      type: list
      elements: dict
    unnamed_server:
      description: The events that name no server, as a row of RV(posture.servers). V(null) where there are none.
      returned: when O(parts) has V(events)
      type: dict
    events:
      description: How the events were read.
      returned: when O(parts) has V(events)
      type: dict
      contains:
        since:
          description:
            - The time from which every event was read. Later than O(since) where there are more than O(max_events).
          returned: always
          type: str
          sample: "2026-10-26T17:00:00Z"
        asked_since:
          description: The time that O(since) stands for.
          returned: always
          type: str
          sample: "2026-10-26T17:00:00Z"
        read:
          description: As RV(winops.smb_guest.guest_events_info#module:read).
          returned: always
          type: dict
        max_events:
          description: The cap, O(max_events).
          returned: always
          type: int
        channels:
          description:
            - As RV(winops.smb_guest.guest_events_info#module:channels), with C(log_begins) and C(log_is_empty).
            - C(log_begins) is the time of the oldest record of the log, whatever that record is about. It is V(null)
              where the log holds no record, or where it could not be read.
            - C(log_is_empty) is V(null) where that could not be read.
          returned: always
          type: list
          elements: dict
    connections:
      description: As RV(winops.smb_guest.connections_info#module:connections).
      returned: when O(parts) has V(connections)
      type: list
      elements: dict
    doors:
      description: As RV(winops.smb_guest.client_facts#module:ansible_facts.smb_guest.doors).
      returned: when O(parts) has V(doors)
      type: dict
    problems:
      description: The parts that could not be read. Empty if all were read.
      returned: always
      type: list
      elements: dict
      contains:
        part:
          description: The part, as O(parts) names it.
          returned: always
          type: str
          sample: events
        message:
          description: Why.
          returned: always
          type: str
          sample: The host denied access when reading its event channels.
"""
