"""Moving a whole record from one store to another, of the same kind or of the other one.

`contract.py` says what a store gives and takes for that; `copying.py` carries everything over, batch by batch, and
goes on where it was stopped; `comparing.py` reads both back and compares; `moving.py` has the order of all this.
Each kind of store implements the contract in its folder `migration/`, which `store/open.py` alone imports.
docs/migrate.md is for people.
"""
