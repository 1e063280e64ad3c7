"""Synthetic residents of two care homes, the same for the same seed: for `fhir-server demo`, the benchmarks and tests.

`residents` gives transaction Bundles that any FHIR R4 server can take, `gp_documents` the records of their GP practice;
nothing here knows the store or reads a clock. May import `web` (the commands that the demo shows), `respect`,
`profiles` and the ids that `mappers` make. `facts/` draws who somebody is and what happens in their year; `records/`
writes that as resources, `gp_record/` as the GP's system sends it; `bundles.py` puts them together.
"""

from fhir_server.demo.bundles import (
    DEFAULT_RESIDENTS,
    DEFAULT_SEED,
    demo_commands,
    gp_documents,
    implementation_guide,
    profile,
    residents,
    some_residents,
)

__all__ = [
    "DEFAULT_RESIDENTS",
    "DEFAULT_SEED",
    "demo_commands",
    "gp_documents",
    "implementation_guide",
    "profile",
    "residents",
    "some_residents",
]
