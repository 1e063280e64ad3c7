"""What an operation declares. https://hl7.org/fhir/R4/operations.html#declaring"""

from collections.abc import Sequence
from typing import Literal

from fhir_server.audit.entry import Action
from fhir_server.interactions.context import Interaction, Run
from profiles.canonical import CANONICAL

Level = Literal["system", "type", "instance"]
_SHAPES: dict[Level, tuple[str, ...]] = {"system": (), "type": ("[type]",), "instance": ("[type]", "[id]")}


class Operation(Interaction):
    """An interaction that is asked for by its name: `POST [base]/$ingest`, `GET [base]/Patient/1/$respect-current`.

    `name` has no `$`; `code`, by which access is decided and the audit names it, has. `types` are the resource types
    that it is for, on the levels type and instance. One that changes what is stored takes POST alone, any other GET
    too (https://hl7.org/fhir/R4/operations.html#executing). `media_types`: what its body may be, where that is not
    FHIR R4 in JSON; such a body may be as large as a Bundle.
    """

    __slots__ = ("levels", "name")
    levels: tuple[Level, ...]
    name: str

    def __init__(
        self,
        name: str,
        levels: tuple[Level, ...],
        run: Run,
        *,
        changes: bool,
        types: Sequence[str] = (),
        action: Action = "E",
        media_types: tuple[str, ...] = (),
    ) -> None:
        methods = ("POST",) if changes else ("GET", "POST")
        super().__init__(
            code=f"${name}",
            level=levels[0],
            routes=tuple((method, (*_SHAPES[level], f"${name}")) for level in levels for method in methods),
            action=action,
            changes=changes,
            run=run,
            types=frozenset(types) or None,
            media_types=media_types,
        )
        for attribute, value in (("name", name), ("levels", levels)):
            object.__setattr__(self, attribute, value)

    @property
    def url(self) -> str:
        """The canonical URL of its OperationDefinition."""
        return f"{CANONICAL}/OperationDefinition/{self.name}"
