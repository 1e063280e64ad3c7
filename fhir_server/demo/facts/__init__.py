"""The facts of the demo residents: people, problems, stories, and what a body then shows. No FHIR.

`residents.resident` is the way in. Everything is drawn by chance from (seed, index, topic), each topic apart, so that
a change in one leaves the others as they were. May import nothing but itself. To add a story: a value in `stories.py`,
in its turn; to add a problem: a value in `problems.py`, with the source of its code.
"""
