"""A FHIR R4 (4.0.1) server for a shared care record.

`app.py` wires everything and reads as a table of contents; ARCHITECTURE.md has the map.
"""
