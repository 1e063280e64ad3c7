"""`fhir-server bench`: drives a running server over HTTP and says what it does.

`run.py` is the command; `generator.py` (its own process) makes the load; `scenarios.py` lists what is measured;
`page.py` writes the figures into docs/performance.md. Imports: `demo` and, for the cost of a check, `validation`; the
server itself is only ever reached over HTTP. To add a measurement: one declared `Scenario` in `scenarios.py`.
"""
