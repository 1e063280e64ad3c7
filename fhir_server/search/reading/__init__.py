"""What single values mean in a search: dates as ranges, numbers as ranges, folded text, references, escapes.

Imports: `definitions`. Used both for the values in resources and for those in queries, so that the two cannot differ.
To add a kind of value: one file.
"""
