"""Everything that reads: searches, counts, histories, point reads, under an access filter, at a snapshot.

`questions.py` is the way in. To add a criterion: a case in `match.py` and, where an index finds it, in `drivers.py`.
"""
