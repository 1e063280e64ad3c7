"""Synthetic residents of two care homes, the same for the same seed: for `fhir-server demo`, the benchmarks and tests.

`residents` gives transaction Bundles that any FHIR R4 server can take; nothing here knows the store or reads a clock.
May import `web` (the commands that the demo shows) and nothing else of the server. `facts/` draws who somebody is and
what happens in their year; `records/` writes that as resources; `bundles.py` puts them together.
"""

from fhir_server.demo.bundles import (
    DEFAULT_RESIDENTS,
    DEFAULT_SEED,
    demo_commands,
    implementation_guide,
    profile,
    residents,
)

__all__ = ["DEFAULT_RESIDENTS", "DEFAULT_SEED", "demo_commands", "implementation_guide", "profile", "residents"]
