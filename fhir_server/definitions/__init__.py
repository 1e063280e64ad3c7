"""The R4 standard as data: structures, search parameters, compartments, value sets of required bindings.

`compiler.py` makes the compact form (`r4/`) from a FHIR package; `definitions.py` reads it lazily; `layout.py` is the
one description of its files. The compiler's steps are `package.py` (the archive), `source.py` (what is read of a
resource), `compile_*.py` (one kind of definition each) and `write.py`; a server that runs imports none of them.
Imports: nothing of the project. To add what another package defines: compile it and hand the folder to `Definitions`.
"""
