"""Questions: criteria and access rules as SQL (`predicates.py`, `postings.py`, `access_sql.py`), how a search runs
(`plan.py`, `search.py`, `walk.py`, `ordering.py`), history, and reading versions. All of it inside the caller's
transaction. To add a kind of criterion: its condition in `predicates.py`; its words or its range, if an index has it.
"""
