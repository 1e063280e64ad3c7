"""Terminology: code systems and what can be asked of them. Pure: no I/O but reading what a library brings.

Imports nothing of the server; FHIRPath, search and validation may import it. To add a code system: a package of its own
here, a section in docs/terminology.md.
"""
