# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""SMB servers as seen from the control node.

A few short conversations per server, each on a TCP connection of its own that is dropped after the last answer: nothing
is opened, mounted or written. Imports run downwards:

    servers     many at once, and the tries of one account, which never overlap
      verdict   pure: what was seen to a verdict, its evidence and an advice
      questions one server: what is asked, in which order, and when to stop
        logon     NTLM inside SPNEGO, without and with a name; what a challenge says about the server
        messages  SMB2 and SMB1 bytes to typed answers and back (smbprotocol's structures)
        peer      one TCP connection: frames out, frames in, and what goes wrong

A peer is not trusted: an answer is bounded in size before it is read, in time as a whole, and anything unexpected is a
`NoAnswer`, never another error. That is why smbprotocol's own Connection is not used: it allocates what the first four
bytes claim (1.2 GB where a web server answers `HTTP`), cuts time-outs to whole seconds and logs to the terminal.
"""
