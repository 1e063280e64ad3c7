"""Faults in the log."""

from fhir_server.fault import described


def _fails(value: str) -> None:
    raise KeyError(value)


def test_a_fault_names_its_places_and_never_a_value() -> None:
    try:
        try:
            _fails("Mrs Secret")
        except KeyError as inner:
            raise ValueError("999 000 0018") from inner
    except ValueError as error:
        line = described(error)
    assert line.startswith("ValueError (from KeyError) at test_fault.py:")
    assert "Secret" not in line
    assert "999" not in line.partition(" at ")[0]


def test_an_exception_that_was_never_raised_has_no_place() -> None:
    assert described(OSError("x")) == "OSError at an unknown place"
