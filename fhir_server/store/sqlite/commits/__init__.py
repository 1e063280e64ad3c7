"""Commits: made ready by the caller (`prepare.py`), grouped by the writer (`writer.py`, `transaction.py`), decided by
reading alone (`decide.py` and what it asks), then written (`apply.py`). To add a condition: a check in `decide.py`;
nothing may be refused in `apply.py`.
"""
