"""Who may do what: access decisions, made once for each request and each entry of a Bundle, denied by default.

A decision turns who asks, why and from where into an `Access`: a filter of the store's own type, to which the request's
session is then bound, and a reason for the audit. Nothing below the pipeline sees a token or decides again.
May import `fhir_server.outcome`, `fhir_server.request` and `fhir_server.store.access` with its values, and nothing that
knows HTTP or a store's inside. To add a policy: a function of the type `access.Decide`, in a file of its own, with the
test that shows what it refuses; `create_app` chooses it.
"""
