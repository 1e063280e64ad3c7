"""The audit chains in SQLite: `store` in the main database, and one file for each worker's reads.

`links.py` appends and reads entries of either kind; `worker.py` records the entries of reads; `search.py` reads over
all chains; `verify.py` recomputes them; `loss.py` records a loss that an operator accepts.
"""
