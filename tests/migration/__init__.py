"""Moving a record from one kind of store to the other: nothing is lost, nothing changed, and a kill costs nothing."""
