"""The embedded store: one SQLite database, one audit file for each worker process, and the mirrored heads.

docs/store.md shows the tables, how a query runs and how a commit does. `store.py` wires the parts, `session.py` is the
door to them; `queries/` reads, `commits/` writes, `audit/` keeps the chains, `upkeep/` is for jobs and operators.
Imports: the store contract, `outcome`, `apsw`. To index a new kind of entry: pack it (`packing.py`), name its table in
`schema.py`, write its condition (`queries/predicates.py`), raise `schema.INDEX_FORMAT`.
"""
