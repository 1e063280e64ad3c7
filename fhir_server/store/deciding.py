"""The rules of a commit that are the same on every store: pure functions of what the store has found."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from hashlib import blake2b
from typing import Literal, Protocol

from fhir_server.outcome import (
    Conflict,
    Contended,
    Forbidden,
    Invalid,
    Issue,
    MethodNotAllowed,
    NotFound,
    PreconditionFailed,
    Unprocessable,
)
from fhir_server.store.values import Commit, Required, Write

Outcome = Literal["created", "updated", "unchanged", "deleted", "absent"]

CHANGED = "what this change was decided upon has changed meanwhile"
NAMED_REFERRERS = 5
MOST_LOOKED_AT = 2_000
"""Referrers that are looked at for five that may be named"""


class Met(Protocol):
    """The newest version of a resource, which may be a deletion."""

    @property
    def version(self) -> int: ...

    @property
    def deleted(self) -> bool: ...


def check_shape(commit: Commit) -> None:
    """Raise `Invalid` where the commit writes one resource twice; ValueError where it is no commit at all."""
    seen: set[tuple[str, str]] = set()
    for position, write in enumerate(commit.writes):
        if (write.type, write.id) in seen:
            raise Invalid(f"{write.type}/{write.id} is written twice in one commit", position=position)
        seen.add((write.type, write.id))
        if write.method != "delete" and write.body is None:
            raise ValueError(f"a {write.method} of {write.type}/{write.id} has no body")
    if commit.depends_on and commit.basis is None:
        raise ValueError("a commit that depends on keys names the snapshot that it was decided upon")


def not_known(write: Write, position: int) -> NotFound:
    """What is said of a current version that may not be seen."""
    return NotFound(f"{write.type}/{write.id} is not known here", position=position)


def out_of_sight(write: Write, position: int) -> Forbidden:
    """What is said of a new version that its writer could not see afterwards."""
    return Forbidden(
        f"the new version of {write.type}/{write.id} lies outside of what you may access", position=position
    )


def outcome_of(write: Write, current: Met | None, same: Callable[[], bool], position: int) -> Outcome:
    """What the write will do to a current version that may be seen; `same`: whether that one says what the write says.
    Raises what `values.Write` says, with the position."""
    alive = None if current is None or current.deleted else current
    _check_conditions(write, 0 if alive is None else alive.version, position)
    if write.method == "delete":
        return "absent" if alive is None else "deleted"
    if write.method == "create":
        if current is not None:
            raise Conflict(f"the id of {write.type}/{write.id} is taken", position=position)
        return "created"
    if alive is not None:
        return "unchanged" if same() else "updated"
    if current is None and not write.create_if_absent:
        raise MethodNotAllowed(f"{write.type}/{write.id} does not exist; create it by POST", position=position)
    return "created"


def _check_conditions(write: Write, version: int, position: int) -> None:
    if write.if_absent and version:
        raise PreconditionFailed(f"{write.type}/{write.id} exists", position=position)
    if write.if_match is not None and write.if_match != version:
        known = f"its current version is {version}" if version else "it has no current version"
        raise PreconditionFailed(f"{write.type}/{write.id}: {known}, not {write.if_match}", position=position)
    if write.based_on is not None and write.based_on != version:
        raise Contended(f"{write.type}/{write.id} has changed meanwhile", position=position)


def check_found_in(required: Required, version: int) -> None:
    """Raise `Contended` where a target is not the version any more that it was found in (0: it may not be used)."""
    if required.based_on not in (None, version):
        raise Contended(f"{required.type}/{required.id} has changed meanwhile", position=required.position)


def does_not_exist(required: Required) -> Unprocessable:
    """What is said of a target that is not there once the commit is done."""
    issue = Issue("not-found", f"{required.type}/{required.id} does not exist", (required.expression,))
    return Unprocessable([issue], position=required.position)


def still_referred_to(write: Write, names: Collection[str], position: int) -> Conflict:
    """What is said of a deletion that these referrers (none may be named: others) forbid."""
    target, named = f"{write.type}/{write.id}", list(names)[:NAMED_REFERRERS]
    if not named:
        return Conflict(f"{target} cannot be deleted: other resources refer to it", position=position)
    verb = "refers" if len(named) == 1 else "refer"
    return Conflict(f"{target} cannot be deleted: {', '.join(named)} {verb} to it", position=position)


def claim_hash(key: str) -> bytes:
    """A claim's key as it is stored. A collision makes a rival look again, nothing else."""
    return blake2b(key.encode(), digest_size=16).digest()


@dataclass(frozen=True, slots=True)
class Holding:
    """A resource that a commit changes, with the unique keys that it holds afterwards."""

    position: int
    write: Write
    keys: tuple[str, ...]
    is_new: bool


def check_holds(holdings: Iterable[Holding], holder_of: Callable[[str], tuple[str, str] | None]) -> None:
    """Raise `Conflict` where a key is held by a resource that does not give it up in the same commit."""
    holdings = list(holdings)
    changing = {(holding.write.type, holding.write.id) for holding in holdings}
    taken: dict[str, tuple[str, str]] = {}
    for holding in holdings:
        own = (holding.write.type, holding.write.id)
        for key in holding.keys:
            holder = holder_of(key)
            rival = holder is not None and holder != own and holder not in changing
            if rival or taken.setdefault(key, own) != own:
                raise Conflict(
                    f"{own[0]}/{own[1]} would be the second one of which there may be only one",
                    position=holding.position,
                )
