"""The store contract and its implementations.

`contract.py` says what a store does; `values.py`, `entries.py`, `criteria.py` and `access.py` are the plain values that
go in and out; `sqlite/` is the embedded implementation. Imports: `outcome` only. To add a store: a folder that
implements `contract.Store`, a line in `open.py`, and the conformance suite in `tests/store` run on it.
"""
