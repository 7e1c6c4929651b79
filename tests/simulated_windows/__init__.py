"""Simulated Windows hosts for tests and demos: WinRM on the wire, a modelled SMB client behind it.

Not Windows and not a copy of it: README.md says what is modelled, from which source, and what is guessed.
Written from the public facts alone; it shares no code with the collection that it tests.
"""
