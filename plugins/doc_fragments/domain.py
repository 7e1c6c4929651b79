# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options that say which domain controller, as whom, and how protected."""

from __future__ import annotations


class ModuleDocFragment:
    """Modules that talk LDAP and SMB to a domain controller."""

    DOCUMENTATION = r"""
options:
  domain:
    description: The DNS name of the domain, such as V(ad.example.com).
    type: str
    required: true
  server:
    description:
      - The domain controller to talk to, by its DNS name; Kerberos and certificates need the name. LDAP and SYSVOL are
        read and written on this one alone.
      - Without it DNS is asked, for the PDC emulator first, which is the one that GPMC takes. That needs the Python
        package C(dnspython).
    type: str
  username:
    description:
      - The account, as C(user@REALM) or C(DOMAIN\\user).
      - Without it and O(password), the Kerberos ticket of the user that runs the task is taken.
    type: str
  password:
    description: Its password.
    type: str
  auth_protocol:
    description: How to authenticate.
    type: str
    choices:
      negotiate: Kerberos if it is available, else NTLM.
      kerberos: Kerberos only. Needs C(pyspnego[kerberos]).
      ntlm: NTLM only.
    default: negotiate
  tls:
    description: How LDAP is protected. No choice sends it in clear text. SMB is always signed.
    type: str
    choices:
      none: Port 389, signed and sealed by the authentication.
      starttls: Port 389. The connection switches to TLS before the logon, which is bound to the certificate.
      ldaps: Port 636. TLS from the first byte, and the logon is bound to the certificate.
    default: none
  ca_certs:
    description: File or folder of the certificate authorities to trust for TLS. Default are those of the system.
    type: path
  timeout:
    description:
      - Seconds that each answer of the domain controller may take, from the first byte of the question to the last of
        the answer, 1 to 600. Connecting and the TLS handshake have the same limit.
      - All the waiting of a task for LDAP, and for SYSVOL, may take 10 times as long. Every write starts that limit
        anew, so that it does not strike between a write and its rollback. Raise it for thousands of GPOs over a slow
        line.
      - Not included are the machine's DNS resolver and Kerberos library, which have limits of their own.
    type: int
    default: 30
requirements:
  - sansldap
  - pyspnego
  - smbprotocol
  - dnspython, where O(server) is not given
attributes:
  action:
    description: Whether an action plugin does the work on the control node.
    support: full
    details: All of it. The host of the task is not contacted; delegate it or run it once.
  async:
    description: Whether the module can be used with the C(async) keyword.
    support: none
  platform:
    description: Operating systems that the module manages.
    support: full
    platforms: windows
  process:
    description: Whether the module starts a process on the host.
    support: none
    details: Neither the host of the task nor any member of the domain is contacted.
seealso:
  - module: winops.smb_guest.domain_policy
  - module: winops.smb_guest.domain_policy_info
  - module: winops.smb_guest.domain_policy_revert
"""
