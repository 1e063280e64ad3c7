"""`_filter`: an expression over search parameters, read by a parser of its own and compiled to criteria.

https://hl7.org/fhir/R4/search_filter.html. Imports: as `search`. To add an operator: `operators.py`.
"""
