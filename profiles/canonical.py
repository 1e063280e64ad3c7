"""The base of every canonical URL of our own. `.example` is reserved (RFC 2606): a deployment that publishes these
artefacts takes a base that it owns."""

CANONICAL = "https://fhir.shared-care-record.example"
