"""A differential test of search: a slow, obvious reference beside the server, and random questions to both.

`resources` makes a world, `queries` makes questions about it, `reference` answers a question by evaluating each
parameter's FHIRPath on each resource, `comparing` asks the server the same and tells where the answers differ. The
reference is written from https://hl7.org/fhir/R4/search.html and docs/search.md, and uses none of the search itself.

`python -m tests.search.differential --queries 10000 --seed 1`
"""
