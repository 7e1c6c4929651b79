# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""server_info: documented here; the work is done by the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: server_info
short_description: Find out which SMB servers really need guest logons
version_added: 1.0.0
description:
  - Probes SMB servers, such as storage devices, and reports what they require from their clients. The verdict says
    whether a host must allow insecure guest logons to use them.
  - The control node probes the servers. The host of the task is not contacted.
  - It asks each server for its dialects, for signing and encryption, and whether it speaks SMB1. It tries one logon
    without a name, and one with a random name that does not exist (C(guest-probe-) and eight digits) and a random
    password.
  - It opens, mounts and writes nothing on a server, and cannot lock an account. The logons may appear in the server's
    log.
author:
  - winops contributors (@winops)
options:
  servers:
    description:
      - The servers, as names or addresses, also as paths such as C(\\nas01\scans). A server that is named twice, in
        another case or with a final dot, is asked once.
      - A port may follow after a colon. An IPv6 address with a port stands in brackets.
    type: list
    elements: str
    required: true
  port:
    description: The port of servers that are named without one.
    type: int
    default: 445
  timeout:
    description:
      - Seconds that a conversation with a server may take, connecting included. At most 60.
      - Up to 128 servers are probed at the same time. A server that does not answer is asked nothing more.
      - A Windows server may delay the refusal of a logon, by 2 seconds where it follows Microsoft's security baseline.
    type: float
    default: 5.0
  username:
    description:
      - An account to try on the servers that answer logons, by NTLM, as C(name), C(DOMAIN\name) or C(name@domain).
        If a server accepts it, guest logons are not needed there.
      - The module tries the servers one after the other. O(max_failed_logons) limits the tries of a wrong password.
    type: str
  password:
    description: The password of O(username).
    type: str
  max_failed_logons:
    description:
      - Stop trying O(username) after this number of servers that do not accept it, or that make it a guest.
      - With the default a wrong password is tried once, however many servers there are. Servers of one domain count
        wrong passwords together, and lock the account.
    type: int
    default: 1
extends_documentation_fragment:
  - winops.smb_guest.attributes
attributes:
  check_mode:
    description: Whether the module can run in check mode.
    support: full
    details: It only reads.
  diff_mode:
    description: Whether the module shows what it changes in diff mode.
    support: N/A
    details: It changes nothing.
  platform:
    description: Operating systems that the module manages.
    support: N/A
    details: It manages none. The servers that it asks can be of any kind.
    platforms: all
  process:
    description: Whether the module starts a process on the host.
    support: none
    details: The host of the task is not contacted.
requirements:
  - "On the control node: the Python package C(smbprotocol)."
notes:
  - The result is what the control node sees, whatever C(delegate_to) says. A server may answer other addresses
    differently.
  - The password is not sent, but a hostile server can try to guess it from what NTLM sends. Give an account only for
    your own servers.
  - The module guesses no account. Only signs show whether a server that offers guest sessions also knows accounts. Give
    an account with O(username) to be sure.
  - The verdicts were measured with Samba servers. RV(servers[].identity) is what a server says about itself.
seealso:
  - module: winops.smb_guest.client_facts
  - module: winops.smb_guest.guest_auth
  - name: Guest access in SMB2 and SMB3
    description: Microsoft on insecure guest logons, and on which editions refuse them.
    link: https://learn.microsoft.com/windows-server/storage/file-server/enable-insecure-guest-logons-smb2-and-smb3
"""

EXAMPLES = r"""
- name: Ask the storage devices, once for the whole play
  winops.smb_guest.server_info:
    servers: [nas01.example.com, '\\scanner7\scans', '192.0.2.7:1445']
  register: probed
  run_once: true

- name: Say what each is, and what to do
  ansible.builtin.debug:
    msg: "{{ item.server }}: {{ item.verdict }}. {{ item.advice }}"
  loop: "{{ probed.servers }}"

- name: Stop where guest logons are not needed
  ansible.builtin.assert:
    that: probed.guest_opening.objections | length == 0
    fail_msg: "{{ probed.guest_opening.objections | join(' ') }}"

- name: Prove that an account works, so that guest logons are not needed
  winops.smb_guest.server_info:
    servers: [nas01.example.com]
    username: 'scans'
    password: "{{ vault_scans_password }}"

- name: Ask many devices that share no accounts, in less time
  winops.smb_guest.server_info:
    servers: "{{ groups['storage'] }}"
    timeout: 3
    port: 445
    username: backup
    password: "{{ vault_backup_password }}"
    max_failed_logons: 20
"""

RETURN = r"""
servers:
  description: One row for each server, in the order of O(servers), each once, by the first of its names.
  returned: success
  type: list
  elements: dict
  contains:
    server:
      description: The server as the task names it.
      type: str
      sample: nas01.example.com
    host:
      description: The name or address that was asked.
      type: str
      sample: nas01.example.com
    port:
      description: The port that was asked.
      type: int
      sample: 445
    verdict:
      description: One of the keys of RV(verdicts).
      type: str
      sample: guest_offered
    meaning:
      description: The verdict in words.
      type: str
      sample: It accepts unknown users as guest, and seems to know accounts.
    evidence:
      description: What speaks for the verdict, a sentence each.
      type: list
      elements: str
      sample: [It accepts an unknown user as guest., 'It requires signing, which a guest session cannot do.']
    advice:
      description: What to do about it.
      type: str
      sample: 'Use an account on it: guest logons are not needed. Then switch guest access off on it.'
    opening:
      description: >-
        What a host gains by being opened for guest logons to use this server, V(may_help), V(pointless) or V(unknown).
      type: str
      sample: pointless
    reachable:
      description: Whether it takes connections.
      type: bool
      sample: true
    incomplete:
      description: Why it was not asked everything; null if it was.
      type: str
      sample: null
    dialects:
      description: The dialects of SMB2 and SMB3 that it speaks, oldest first.
      type: list
      elements: str
      sample: ['2.0.2', '2.1', '3.0', '3.0.2', '3.1.1']
    smb1:
      description: Whether it speaks SMB1; null if it was not asked.
      type: bool
      sample: false
    signing:
      description: What it says of signing; null if nothing.
      type: dict
      contains:
        enabled:
          description: Whether it can sign; null if it did not say.
          type: bool
          sample: true
        required:
          description: >-
            Whether sessions must sign; null if it did not say. A server may waive that for guests, who have no key.
          type: bool
          sample: false
    encryption:
      description: What it says of encryption; null if nothing.
      type: dict
      contains:
        supported:
          description: Whether it can encrypt; null if it did not say.
          type: bool
          sample: true
        cipher:
          description: The cipher that it chose for dialect 3.1.1; null for older ones.
          type: str
          sample: AES-128-GCM
        demanded:
          description: Whether it wants sessions to be encrypted, as far as the logons showed; null if nothing did.
          type: bool
          sample: false
    guest:
      description: The logon of the random unknown user.
      type: dict
      contains:
        accepted:
          description: Whether it was accepted as guest; null if there was no answer, or the server does not offer NTLM.
          type: bool
          sample: true
        status:
          description: The answer of the server, or why there was none; null if nothing was tried.
          type: str
          sample: STATUS_SUCCESS (0x00000000)
    anonymous:
      description: The logon without a name.
      type: dict
      contains:
        accepted:
          description: >-
            Whether the server accepted it; null if there was no answer. Many servers do, and grant it nothing.
          type: bool
          sample: true
        status:
          description: The answer of the server, or why there was none; null if nothing was tried.
          type: str
          sample: STATUS_SUCCESS (0x00000000)
    account:
      description: The logon of O(username).
      type: dict
      contains:
        accepted:
          description: Whether the server accepted it as itself; null if it was not tried, or there was no answer.
          type: bool
          sample: true
        status:
          description: The answer of the server, or why there was none; null if nothing was tried.
          type: str
          sample: STATUS_SUCCESS (0x00000000)
    knows_accounts:
      description: True if something shows that it knows accounts, else null; that it knows none cannot be seen.
      type: bool
      sample: true
    mechanisms:
      description: The authentication mechanisms that it offers, those of C(NTLM), C(Kerberos) and C(NEGOEX).
      type: list
      elements: str
      sample: [NTLM]
    server_guid:
      description: How it identifies itself in SMB; null without SMB2.
      type: str
      sample: 70726f62-656e-6173-0000-000000000000
    identity:
      description: What it says about itself in its NTLM challenge. It is not verified.
      type: dict
      contains:
        netbios_name:
          description: Its NetBIOS name; null if it does not say.
          type: str
          sample: NAS01
        netbios_domain:
          description: The NetBIOS name of its domain, or its own; null if it does not say.
          type: str
          sample: WORKGROUP
        dns_name:
          description: Its name in DNS; null if it does not say.
          type: str
          sample: nas01.example.com
        dns_domain:
          description: The domain in DNS; null if it does not say.
          type: str
          sample: example.com
        dns_forest:
          description: The forest; null if it does not say.
          type: str
          sample: null
        version:
          description: C(major.minor.build) of the operating system; null if it does not say. Samba 4.17 says C(6.1.0).
          type: str
          sample: 6.1.0
verdicts:
  description: The servers of each verdict; every verdict is there, most of them empty.
  returned: success
  type: dict
  contains:
    guest_signing_required:
      description: >-
        They accept unknown users as guest and require signing, and nothing shows that they know accounts. Whether
        Windows uses such a session is not known.
      type: list
      elements: str
      sample: []
    guest_only_suspected:
      description: They accept unknown users as guest, and nothing shows that they know accounts.
      type: list
      elements: str
      sample: []
    guest_offered:
      description: They accept unknown users as guest, and seem to know accounts.
      type: list
      elements: str
      sample: [nas01.example.com]
    guest_unusable:
      description: They map unknown users to guest and want encryption, which no guest session can do.
      type: list
      elements: str
      sample: []
    accounts_only:
      description: They refuse unknown users.
      type: list
      elements: str
      sample: []
    smb1_only:
      description: They speak SMB1 and nothing newer.
      type: list
      elements: str
      sample: []
    unreachable:
      description: No connection to them can be made from the control node.
      type: list
      elements: str
      sample: []
    no_answer:
      description: They take connections, and say nothing on them.
      type: list
      elements: str
      sample: []
    not_smb:
      description: Something other than SMB listens there.
      type: list
      elements: str
      sample: []
    unclear:
      description: They speak SMB, and what they answer to an unknown user says neither guest nor account.
      type: list
      elements: str
      sample: []
guest_opening:
  description: What the servers say to a host's being opened for guest logons because of them.
  returned: success
  type: dict
  contains:
    asked:
      description: The servers that were asked, as O(servers) names them.
      type: list
      elements: str
      sample: [nas01.example.com]
    objections:
      description: A line for each server that guest logons are not needed for, or of no use.
      type: list
      elements: str
      sample: ['nas01.example.com is accounts_only: ...']
    doubts:
      description: A line for each server that nothing is known about.
      type: list
      elements: str
      sample: []
"""
