"""FHIR JSON in and out: exact decimals, limits, links, parts of a resource, security labels.

A resource is a plain dict as `json.parse` gives it, beside the bytes that the client sent. Nothing here judges whether
a resource is right: that is `validation/`. Imports: `outcome`, `definitions`, `store.values`. To add something that
walks a resource by its types: a module of its own, with `elements.py` for the JSON names of elements.
"""
