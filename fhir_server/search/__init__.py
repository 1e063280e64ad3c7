"""Search: a query string becomes criteria, a resource becomes index entries.

`parse.py` reads a query, `index.py` a resource; both go by the SearchParameter definitions, nothing is written per
resource type. Imports: `outcome`, `definitions`, `fhirpath`, and of `store` only the plain values (`entries`,
`criteria`, `values`). To add a type of search parameter: one file in `parameter_types/` that declares how it is
extracted and how a value becomes a criterion, and a line in the tuple there; a result parameter (`_count`): an entry in
`result_parameters.py`.
"""
