"""From the documents of other systems to R4 resources: one folder a source.

A mapper gets bytes and gives a transaction Bundle and reports; it never touches a store. May import validation, model,
profiles and definitions. To add one: its folder that exports one `Mapper`, a line below, tests, a page in docs.
"""

from mappers.gp_connect import GP_CONNECT
from mappers.mapper import Mapper

MAPPERS: tuple[Mapper, ...] = (GP_CONNECT,)
"""Every mapper, by which `$ingest` knows what it can take."""
