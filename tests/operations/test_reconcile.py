"""What becomes of a resource: every case of the decision."""

import pytest

from fhir_server.operations.reconcile import Here, decide
from fhir_server.operations.stamp import Export, Stamp

OLD, NOW, NEW = (Export(at, known=True) for at in (100, 200, 300))
GUESSED = Export(250, known=False)


def _here(content: str, stamped: str | None, export: Export = NOW, *, deleted: bool = False) -> Here:
    return Here(3, deleted, {}, content, None if stamped is None else Stamp(export, stamped))


@pytest.mark.parametrize(
    ("here", "export", "shared", "expected"),
    [
        (None, NOW, False, ("created", None)),
        (None, GUESSED, True, ("created", None)),
        (_here("", None, deleted=True), NEW, False, ("retained", "deleted")),
        (_here("mapped", "mapped"), NEW, False, ("unchanged", None)),
        (_here("mapped", None), OLD, False, ("unchanged", None)),
        (_here("edited", "other"), NEW, False, ("retained", "edited")),
        (_here("edited", "other"), NEW, True, ("retained", "edited")),
        (_here("other", None), NEW, False, ("retained", "edited")),
        (_here("other", "other"), NEW, False, ("updated", None)),
        (_here("other", "other"), NOW, False, ("updated", None)),
        (_here("other", "other"), OLD, False, ("retained", "newer")),
        (_here("other", "other"), GUESSED, False, ("updated", None)),
        (_here("other", "other", GUESSED), NOW, False, ("retained", "newer")),
        (_here("other", "other"), NEW, True, ("updated", None)),
        (_here("other", "other"), NOW, True, ("retained", "shared")),
        (_here("other", "other"), OLD, True, ("retained", "shared")),
        (_here("other", "other"), GUESSED, True, ("retained", "shared")),
        (_here("other", "other", GUESSED), NEW, True, ("updated", None)),
        (_here("other", "other", GUESSED), NOW, True, ("updated", None)),
    ],
)
def test_decide(here: Here | None, export: Export, shared: bool, expected: tuple[str, str | None]) -> None:
    assert decide("mapped", export, here, shared=shared) == expected
