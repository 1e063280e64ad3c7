"""What can be wrong with an expression: it is not FHIRPath, or it uses a part of FHIRPath that is not offered here."""

from fhir_server.outcome import Invalid, NotSupported


def _place(expression: str, position: int) -> str:
    before = expression[:position]
    line = before.count("\n") + 1
    column = position - (before.rfind("\n") + 1) + 1
    return f"line {line}, column {column}" if line > 1 else f"column {column}"


class ExpressionInvalid(Invalid):
    """Not FHIRPath, or it names an element, type or function that does not exist.

    `position` is the offset in the expression; the sentence names the place for people.
    """

    def __init__(self, reason: str, expression: str, position: int) -> None:
        super().__init__(f"{reason} ({_place(expression, position)} of the FHIRPath expression {expression!r})")
        self.reason = reason
        self.offset = position


class ExpressionNotSupported(NotSupported):
    """FHIRPath, but a part that is not offered where this expression is used."""

    def __init__(self, reason: str, expression: str, position: int) -> None:
        super().__init__(f"{reason} ({_place(expression, position)} of the FHIRPath expression {expression!r})")
        self.reason = reason
        self.offset = position


class EvaluationError(Exception):
    """The data does not fit the expression: several items where the language asks for one, a text where it asks for a
    number, or something that cannot be told here."""


class TooManySteps(EvaluationError):
    """The expression takes too long on this resource."""
