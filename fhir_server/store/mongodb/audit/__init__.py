"""The audit chains in MongoDB: each slot has one of its commits, `c0`, and one of its reads, `r0`.

`links.py` turns entries into documents and back; `heads.py` compares chains with their mirrored heads; `chains.py` is
what a process appends to; `reads.py` records the entries of reads; `search.py` reads over all chains; `verify.py`
recomputes them; `loss.py` records a loss that an operator accepts.
"""
