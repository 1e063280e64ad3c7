"""The facts of the demo residents, written as FHIR R4 resources. May import `facts` and itself.

One module for what belongs together; each gives functions from a `Resident` to resources. To add a kind of resource: a
function here and its line in `bundles.py`. Codes and shared values stand in `terms.py`, with their sources.
"""
