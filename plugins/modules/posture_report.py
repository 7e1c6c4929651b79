# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""posture_report: documented here; the work is done by the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: posture_report
short_description: Write the report of a fleet on the control node
version_added: 1.0.0
description:
  - Makes one report of what M(winops.smb_guest.posture_info) returned on many hosts. A page for people, JSON for
    programs, and CSV for spreadsheets.
  - The page C(report.html) is one file that loads nothing, so that it can be opened anywhere, sent and printed.
    C(report.json) has a schema, which the guide on the report describes.
  - Whatever a host or a server calls itself is shown as text, in the page, in a spreadsheet and on a terminal.
  - Each file is replaced as a whole, or stays as it was.
  - The role P(winops.smb_guest.audit_report#role) gathers and reports in one go.
author:
  - winops contributors (@winops)
options:
  hosts:
    description:
      - Each host of the inventory with the registered result of M(winops.smb_guest.posture_info). A result of a host
        that was unreachable or failed belongs here as well, so that the report counts and names it. A host without a
        result is reported as not asked.
    type: dict
    default: {}
  merge:
    description:
      - Parts of a report that other runs wrote with the format V(part), as files, or as folders that hold them. Slices
        of a job, runs with C(--limit) and workers on other machines so make one report.
      - A host that is in several parts, or in O(hosts) as well, counts once, as it was read last. A host of O(hosts)
        without a result that is in no part is reported as not asked.
      - The order of the parts changes nothing. History and comparison go on in O(dest).
    type: list
    elements: path
    default: []
  check_options:
    description:
      - Check the other options, and do nothing else. A play does so before it reads hosts, so that a mistake costs
        seconds and never a report.
    type: bool
    default: false
  dest:
    description: The folder on the control node. It is made if need be.
    type: path
    required: true
  formats:
    description: What to write. A file C(SHA256SUMS) is always added.
    type: list
    elements: str
    choices:
      html: The page C(report.html).
      json: The document C(report.json). Without it the next report has nothing to be compared with.
      csv: One C(.csv) for each table.
      jsonl: C(report.jsonl), one JSON object a line for a SIEM.
      sarif: C(report.sarif), the findings as SARIF 2.1.0 for tools that manage them.
      part: C(part-ID.json), what the hosts of this run said, for O(merge). ID depends on the names of the hosts.
    default: [html, json, csv]
  title:
    description: The heading of the page.
    type: str
    default: SMB guest logons
  exceptions:
    description:
      - What somebody accepted. It is shown beside the findings, which are counted all the same.
      - Open changes of the journals that say a reason are exceptions without being listed here.
    type: list
    elements: dict
    default: []
    suboptions:
      host:
        description:
          - The hosts it is for, as a name or a pattern such as V(ws-scan-*). Either this or O(exceptions[].server).
        type: str
      server:
        description: The SMB servers it is for, as a name or a pattern.
        type: str
      control:
        description:
          - The control it is for, as an id of a benchmark such as V(WN11-CC-000040), or as a setting such as
            V(client_signing). Without it the exception is for every control.
        type: str
      reason:
        description: Why.
        type: str
        required: true
      expires:
        description: The last day on which it holds, such as V(2026-12-31), or a time in ISO 8601. UTC.
        type: str
      approved_by:
        description: Who accepted it.
        type: str
      ticket:
        description: Where it was asked for.
        type: str
  servers:
    description: RV(winops.smb_guest.server_info#module:servers), if the servers were probed.
    type: list
    elements: dict
    default: []
  previous:
    description: The C(report.json) to compare with. Without it the one that is in O(dest), if there is one.
    type: path
  mode:
    description: The mode of the files. They tell an attacker where to look.
    type: str
    default: "0640"
extends_documentation_fragment:
  - winops.smb_guest.attributes
attributes:
  check_mode:
    description: Whether the module can run in check mode.
    support: full
    details: The report is made and not written.
  diff_mode:
    description: Whether the module shows what it changes in diff mode.
    support: none
    details: RV(comparison) says what changed since the earlier report.
  platform:
    description: Operating systems that the module manages.
    support: N/A
    details: It manages none. It writes files on the control node.
    platforms: all
  process:
    description: Whether the module starts a process on the host.
    support: none
    details: The host of the task is not contacted.
requirements:
  - Nothing but ansible-core on the control node.
notes:
  - Two runs make two reports, as the time of a report is part of it. So RV(ignore:changed) is always true.
seealso:
  - module: winops.smb_guest.posture_info
  - module: winops.smb_guest.server_info
"""

EXAMPLES = r"""
- name: Read what the report needs
  winops.smb_guest.posture_info:
  register: posture
  failed_when: false
  ignore_unreachable: true

- name: Write the report
  winops.smb_guest.posture_report:
    hosts: "{{ dict(ansible_play_hosts_all | zip(results)) }}"
    dest: /srv/reports/smb
    title: SMB guest logons, branch offices
    formats: [html, json]
    mode: "0644"
  vars:
    results: "{{ ansible_play_hosts_all | map('extract', hostvars) | map(attribute='posture', default={}) }}"
  run_once: true
  delegate_to: localhost

- name: Write the report with exceptions, compared with the one of last month
  winops.smb_guest.posture_report:
    hosts: "{{ dict(ansible_play_hosts_all | zip(results)) }}"
    dest: reports/november
    previous: reports/october/report.json
    servers: "{{ probed.servers }}"
    exceptions:
      - host: ws-scan-*
        control: insecure_guest_logons
        reason: The scanners speak guest only
        expires: "2026-12-31"
        approved_by: J. Doe
        ticket: RISK-12
      - server: nas-lab
        reason: Replaced in January
  vars:
    results: "{{ ansible_play_hosts_all | map('extract', hostvars) | map(attribute='posture', default={}) }}"
  run_once: true
  delegate_to: localhost

- name: Write the part of a slice
  winops.smb_guest.posture_report:
    hosts: "{{ dict(ansible_play_hosts_all | zip(results)) }}"
    dest: parts
    formats: [part]
  vars:
    results: "{{ ansible_play_hosts_all | map('extract', hostvars) | map(attribute='posture', default={}) }}"
  run_once: true
  delegate_to: localhost

- name: Make one report of all parts
  winops.smb_guest.posture_report:
    hosts: "{{ dict(groups['all'] | zip([{}] * groups['all'] | length)) }}"
    merge: [parts]
    dest: reports/fleet
  run_once: true
  delegate_to: localhost
"""

RETURN = r"""
dest:
  description: The folder, as an absolute path.
  returned: success, unless O(check_options)
  type: str
  sample: /srv/reports/smb
files:
  description: The files that were written, or in check mode would be.
  returned: success, unless O(check_options)
  type: list
  elements: str
  sample: [/srv/reports/smb/report.html, /srv/reports/smb/report.json]
summary:
  description: The numbers of the report, each by its name in C(summary) of C(report.json).
  returned: success, unless O(check_options)
  type: dict
  sample: {hosts: 8, read: 7, unreachable: 1, allowed: 3, blocked: 4}
comparison:
  description: What changed since the earlier report. V(null) where there is none.
  returned: success, unless O(check_options)
  type: dict
unread:
  description: The hosts that could not be read.
  returned: success, unless O(check_options)
  type: list
  elements: str
  sample: [ws-off]
"""
