"""A migration in a process of its own that kills itself at a named point, with small batches.

`python -m tests.migration.child FROM TO FROM_HEADS TO_HEADS POINT TIMES`: it dies the so-manieth time that the point is
reached; it ends by itself with what the command says where the point is not reached so often.
"""

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from fhir_server.cli import main
from fhir_server.store.migration import contract, copying
from fhir_server.store.migration.moving import Migration
from fhir_server.store.mongodb.migration import target as mongodb
from fhir_server.store.sqlite.migration import target as sqlite

TARGETS = (mongodb.MongoTarget, sqlite.SqliteTarget)
POINTS: dict[str, tuple[tuple[Any, str], ...]] = {
    "begun": tuple((target, "write") for target in TARGETS),
    # In the middle of a transaction, when its documents or rows are written and the marker is not.
    "within": ((mongodb.MongoTarget, "_mark"), (sqlite, "advanced")),
    # While the batch before is being written, perhaps.
    "written": ((copying, "_entries"),),
    "audit": tuple((target, "append") for target in TARGETS),
    "settled": ((Migration, "_compare"),),
    "compared": ((Migration, "_gained"),),
    # When the store is complete, but the last head is not mirrored yet.
    "completed": ((mongodb, "_mirror"), (sqlite, "_mirror")),
}
"""Before what the process dies."""


def dying(original: Callable[..., Any], times: int) -> Callable[..., Any]:
    """The function, which ends the process in its so-manieth call."""
    left = [times]

    def called(*arguments: Any, **named: Any) -> Any:
        left[0] -= 1
        if not left[0]:
            os.kill(os.getpid(), signal.SIGKILL)
        return original(*arguments, **named)

    return called


if __name__ == "__main__":
    source, to, source_heads, heads, point, count = sys.argv[1:]
    setattr(contract, "MOST_VERSIONS", 7)  # noqa: B010
    setattr(copying, "MOST_LINKS", 6)  # noqa: B010
    for place, name in POINTS[point]:
        setattr(place, name, dying(getattr(place, name), int(count)))
    named = ["--from", source, "--to", to, "--from-heads", source_heads, "--to-heads", heads]
    sys.argv = ["fhir-server", "migrate", *named]
    main()
