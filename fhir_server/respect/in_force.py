"""At most one plan in force for a person: applied to every commit, whichever way it came in.

A plan in force holds a unique key of its person in the store. Signing another one puts the mark on the one that holds
it, in the same commit. https://hl7.org/fhir/R4/extensibility.html#modifierExtension
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Protocol

import msgspec

from fhir_server.model.json import body_of, dump
from fhir_server.model.members import join, split
from fhir_server.outcome import Conflict, FhirError, Unprocessable
from fhir_server.respect.changing import refused_change, refused_deletion
from fhir_server.respect.plan import SUPERSEDED, Plan, is_plan, plan_of
from fhir_server.respect.signing import missing
from fhir_server.store.entries import Entries
from fhir_server.store.values import Version, Write

Json = dict[str, Any]
TYPE = "QuestionnaireResponse"
_decode = msgspec.json.Decoder(float_hook=Decimal).decode


class Reading(Protocol):
    """What the rule asks of a store session."""

    async def read(self, type: str, id: str) -> Version | None: ...

    async def holders(self, keys: Sequence[str]) -> Mapping[str, tuple[str, str]]: ...


class Index(Protocol):
    """Makes index entries; logical references resolve as given."""

    def entries(self, resource: Json, resolved: Mapping[tuple[str, str], tuple[str, str]] = ...) -> Entries: ...


@dataclass(frozen=True, slots=True)
class Ruled:
    """The writes of a commit under the rule: those that were given, in their order, then those that the rule adds.

    `grounds`: what it decided on (key -> holder with version), to see whether that has changed; empty where no plan is
    touched.
    """

    writes: tuple[Write, ...]
    grounds: Mapping[str, tuple[str, str, int] | None]


def plan_key(patient: str) -> str:
    """The unique key that the plan in force of this Patient holds."""
    return f"respect-plan-in-force|Patient/{patient}"


@dataclass(frozen=True, slots=True)
class OnePlanInForce:
    """The rule. One per process."""

    index: Index
    clock_ms: Callable[[], int]

    async def __call__(self, session: Reading, writes: Sequence[Write]) -> Ruled:
        """Apply the rule. Raises `Unprocessable` and `Conflict`, each saying what to do."""
        plans = [position for position, write in enumerate(writes) if write.type == TYPE]
        if not plans:
            return Ruled(tuple(writes), {})
        return await _Commit(self, session, list(writes)).ruled(plans)


class _Commit:
    """The rule on one commit."""

    def __init__(self, rule: OnePlanInForce, session: Reading, writes: list[Write]) -> None:
        self.rule = rule
        self.session = session
        self.writes = writes
        self.in_force: dict[str, tuple[int, Plan]] = {}
        self.grounds: dict[str, tuple[str, str, int] | None] = {}

    async def ruled(self, plans: Sequence[int]) -> Ruled:
        for position in plans:
            await self._check(position)
        holders = await self.session.holders(list(self.in_force)) if self.in_force else {}
        for key, (position, plan) in self.in_force.items():
            await self._supersede(key, holders.get(key), position, plan)
        return Ruled(tuple(self.writes), self.grounds)

    async def _check(self, position: int) -> None:
        write = self.writes[position]
        current = None if write.method == "create" else await self.session.read(write.type, write.id)
        old = _decode(current.body) if current is not None and current.body is not None else None
        old_plan = plan_of(old) if old is not None else None
        if write.body is None:
            if old_plan is not None:
                _refuse(refused_deletion(old_plan), position)
            return
        new = _decode(write.body.at(0, 0))
        if old is not None and old_plan is not None:
            _refuse(refused_change(old, new), position)
            if current is not None and (old_plan.signed or old_plan.ended):
                self._same_person(write, old, current, position)
        if is_plan(new):
            await self._hold(position, new, old, old_plan)

    def _same_person(self, write: Write, old: Json, current: Version, position: int) -> None:
        before = self.rule.index.entries(old, _resolved(old, current))
        if set(_patients(write.entries)) != set(_patients(before)):
            raise Unprocessable(
                "A plan stays the plan of its person: mark this one as entered-in-error and write another.",
                expression="QuestionnaireResponse.subject",
                position=position,
            )

    async def _hold(self, position: int, new: Json, old: Json | None, old_plan: Plan | None) -> None:
        plan = plan_of(new)
        if plan is None or not plan.in_force:
            return
        write = self.writes[position]
        patients = _patients(write.entries)
        if len(patients) != 1:
            raise Unprocessable(
                "A signed plan names the one person it is for.",
                expression="QuestionnaireResponse.subject",
                position=position,
            )
        unchanged = (
            old is not None and old_plan is not None and old_plan.in_force and old.get("item") == new.get("item")
        )
        if not unchanged:
            now = datetime.fromtimestamp(self.rule.clock_ms() / 1000, UTC)
            issues = missing(plan, now, await self._birth_date(patients[0]))
            if issues:
                raise Unprocessable(issues, position=position)
        key = plan_key(patients[0])
        if key in self.in_force:
            raise Conflict("Two plans of one person cannot both be in force; sign one of them.", position=position)
        self.in_force[key] = (position, plan)
        self.writes[position] = replace(write, holds=(*write.holds, key))

    async def _birth_date(self, patient: str) -> str | None:
        for write in self.writes:
            if (write.type, write.id) == ("Patient", patient) and write.body is not None:
                found = _decode(write.body.at(0, 0)).get("birthDate")
                return found if isinstance(found, str) else None
        version = await self.session.read("Patient", patient)
        if version is None or version.body is None:
            return None
        found = _decode(version.body).get("birthDate")
        return found if isinstance(found, str) else None

    async def _supersede(self, key: str, holder: tuple[str, str] | None, position: int, plan: Plan) -> None:
        own = self.writes[position]
        self.grounds[key] = None
        if holder is None or holder == (own.type, own.id):
            return
        version = await self.session.read(*holder)
        if version is None or version.body is None:
            return
        self.grounds[key] = (*holder, version.version)
        if any((write.type, write.id) == holder for write in self.writes):
            return  # written in this commit, and in force no more: otherwise it would be the second one above
        before = plan_of(_decode(version.body))
        if before is not None and before.signed_at and plan.signed_at and before.signed_at > plan.signed_at:
            raise Conflict(
                "A plan that was signed later is in force. A plan of before comes with the mark that it is superseded.",
                position=position,
            )
        self.writes.append(self._superseded(version, own))

    def _superseded(self, version: Version, by: Write) -> Write:
        """The write that puts the mark on a plan; all else of it stays as it is."""
        assert version.body is not None
        data = _decode(version.body)
        at = datetime.fromtimestamp(self.rule.clock_ms() / 1000, UTC).isoformat(timespec="milliseconds")
        mark = {
            "url": SUPERSEDED,
            "extension": [
                {"url": "by", "valueReference": {"reference": f"{by.type}/{by.id}"}},
                {"url": "at", "valueDateTime": at},
            ],
        }
        marks = [*data.get("modifierExtension", ()), mark]
        members: dict[str, Any] = {**split(version.body), "modifierExtension": dump(marks)}
        entries = self.rule.index.entries({**data, "modifierExtension": marks}, _resolved(data, version))
        return Write(
            "update",
            version.type,
            version.id,
            body_of(join(members), version.id),
            entries,
            based_on=version.version,
        )


def _resolved(data: Json, version: Version) -> dict[tuple[str, str], tuple[str, str]]:
    """A logical subject is who it was resolved to when the plan was written: the one whose record it lies in."""
    identifier = data.get("subject", {}).get("identifier")
    if not isinstance(identifier, dict) or "reference" in data["subject"] or len(version.patients) != 1:
        return {}
    return {(identifier.get("system", ""), identifier.get("value", "")): ("Patient", version.patients[0])}


def _patients(entries: Entries) -> list[str]:
    """The Patient that a QuestionnaireResponse is about (not who filled it in): one at most."""
    return [id for name, type, id in entries.references if name == "patient" and type == "Patient"]


def _refuse(error: FhirError | None, position: int) -> None:
    if error is not None:
        error.position = position
        raise error
