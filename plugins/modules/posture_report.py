# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""posture_report: documented here; the work is done by the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: posture_report
short_description: Write the fleet report on the control node
version_added: 1.0.0
description:
  - Writes one report of the results of M(winops.smb_guest.posture_info) on many hosts. The report is a page for people,
    JSON for programs, and CSV for spreadsheets.
  - The page C(report.html) is one file that loads nothing. It can be opened anywhere, sent and printed. With more than
    10,000 hosts it has files beside it in the folder C(report_hosts), which it loads when a host is opened.
    C(report.json) has a schema, which the guide on the report describes.
  - Shows the names of hosts and servers as plain text, in the page, in a spreadsheet and on a terminal.
  - Replaces each file as a whole, or leaves it unchanged.
  - The role P(winops.smb_guest.audit_report#role) reads the hosts and writes the report in one run.
author:
  - winops contributors (@winops)
options:
  hosts:
    description:
      - Each host of the inventory with the registered result of M(winops.smb_guest.posture_info).
      - Include the result of a host that was unreachable or failed, so that the report counts and names it. The report
        lists a host without a result as not asked.
    type: dict
    default: {}
  merge:
    description:
      - Parts of a report that other runs wrote with the format V(part). Name the files, or folders that contain them at
        any depth under their names C(part-*.json).
      - So slices of a job, runs with C(--limit) and workers on other machines result in one report.
      - A host that is in several parts, or also in O(hosts), counts once, with its latest reading. The report lists a
        host of O(hosts) that has no result and is in no part as not asked.
      - The order of the parts changes nothing. History and comparison continue in O(dest).
    type: list
    elements: path
    default: []
  check_options:
    description:
      - Check the other options, and do nothing else. Use it before the play reads hosts, so that it fails early on a
        mistake.
    type: bool
    default: false
  dest:
    description: The folder on the control node. The module creates it if needed.
    type: path
    required: true
  formats:
    description: Which files to write. The module always adds a file C(SHA256SUMS).
    type: list
    elements: str
    choices:
      html: The page C(report.html), and the files in C(report_hosts) with more than 10,000 hosts.
      json: The document C(report.json). Without it the next report has no comparison.
      csv: One C(.csv) file for each table.
      jsonl: C(report.jsonl), one JSON object per line for a SIEM.
      sarif: C(report.sarif), the findings as SARIF 2.1.0 for tools that manage them.
      part: C(part-ID.json), the results of this run's hosts, for O(merge). ID depends on the names of the hosts.
    default: [html, json, csv]
  title:
    description: The heading of the page.
    type: str
    default: SMB guest logons
  exceptions:
    description:
      - Accepted findings. The report shows each exception beside its findings, and counts the findings all the same.
      - Open changes whose journal gives a reason are exceptions too. Do not list them here.
    type: list
    elements: dict
    default: []
    suboptions:
      host:
        description:
          - The hosts that it covers, as a name or a pattern such as V(ws-scan-*).
          - Set either this or O(exceptions[].server).
        type: str
      server:
        description: The SMB servers that it covers, as a name or a pattern.
        type: str
      control:
        description:
          - The control that it covers, as an id of a benchmark such as V(WN11-CC-000040), or as a setting such as
            V(client_signing). Without it the exception covers every control.
        type: str
      reason:
        description: Why somebody accepted it.
        type: str
        required: true
      expires:
        description: The last day on which it is valid, such as V(2026-12-31), or a time in ISO 8601. UTC.
        type: str
      approved_by:
        description: Who approved it.
        type: str
      ticket:
        description: The ticket that requested it.
        type: str
  exceptions_file:
    description:
      - A YAML file on the control node with a list of more O(exceptions). It may be vaulted. A relative path starts at
        the working directory of C(ansible-playbook).
    type: path
  servers:
    description: RV(winops.smb_guest.server_info#module:servers), if the servers were probed.
    type: list
    elements: dict
    default: []
  previous:
    description: The C(report.json) to compare with. The default is the one in O(dest), if it exists.
    type: path
  baseline:
    description:
      - A policy file, a folder of them or an export on the control node, such as a baseline of Microsoft or a
        backup of a GPO. The forms are those of M(winops.smb_guest.policy_files_info).
      - The report compares the values that run with the settings of these files, and lists the hosts that differ.
    type: path
  mode:
    description: The mode of the files. Restrict it, because the report shows an attacker the weak hosts.
    type: str
    default: "0640"
extends_documentation_fragment:
  - winops.smb_guest.attributes
attributes:
  check_mode:
    description: Whether the module can run in check mode.
    support: full
    details: The module computes the report and writes no file.
  diff_mode:
    description: Whether the module shows what it changes in diff mode.
    support: none
    details: RV(comparison) shows what changed since the earlier report.
  platform:
    description: Operating systems that the module manages.
    support: N/A
    details: It manages no host. It writes files on the control node.
    platforms: all
  process:
    description: Whether the module starts a process on the host.
    support: none
    details: The module does not contact the host of the task.
requirements:
  - Nothing but ansible-core on the control node.
notes:
  - Each run writes a new report, because a report contains its time. So RV(ignore:changed) is always true.
seealso:
  - module: winops.smb_guest.posture_info
  - module: winops.smb_guest.server_info
  - module: winops.smb_guest.policy_files_info
"""

EXAMPLES = r"""
- name: Read the data of the report
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

- name: Write the report with exceptions, and compare it with last month's
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

- name: Write the report, and compare the fleet with a baseline
  winops.smb_guest.posture_report:
    hosts: "{{ dict(ansible_play_hosts_all | zip(results)) }}"
    dest: reports/november
    baseline: baselines/windows-11
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

- name: Merge all parts into one report
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
  description: The files that the module wrote, or would write outside of check mode.
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
  description: What changed since the earlier report. V(null) without an earlier report.
  returned: success, unless O(check_options)
  type: dict
failing_controls:
  description: The controls of CIS and STIG benchmarks that fail, on most hosts first.
  returned: success, unless O(check_options)
  type: list
  elements: dict
  contains:
    control:
      description: The word by which C(exceptions) name it.
      returned: always
      type: str
      sample: client_signing
    title:
      description: What it asks for.
      returned: always
      type: str
    in_force:
      description: On how many hosts the running value fails it.
      returned: always
      type: int
      sample: 0
    scanner:
      description: On how many hosts a scanner reports it, which reads the configured value.
      returned: always
      type: int
      sample: 1
unread:
  description: The hosts that could not be read.
  returned: success, unless O(check_options)
  type: list
  elements: str
  sample: [ws-off]
"""
