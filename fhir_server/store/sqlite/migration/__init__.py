"""Moving a record into and out of this store: `content.py` reads it, `source.py` and `target.py` are the two ends."""
