"""What is recorded of every request, and how it is shown as an AuditEvent.

`entry.py` makes the compact entry that the store keeps in its hash chain; `audit_event.py` renders one as a FHIR
AuditEvent when asked. Imports: `request`, `outcome` and the store's values. Every request leaves exactly one entry,
made by the pipeline; nothing can switch that off.
"""
