"""Commits: made ready outside (`prepare.py`), taken in groups (`writer.py`), each group one transaction
(`transaction.py`) that reads what its commits rest on (`view.py`), decides each (`decide.py`), and writes what comes of
them (`apply.py`).
"""
