"""HTTP only: requests read with limits, formats negotiated, answers sent with their headers.

`endpoint.py` is the ASGI application that is mounted at `/fhir`; `health.py` the health routes. Imports `pipeline` and
below. No FHIR rule lives here, and nothing here sees the store.
"""
