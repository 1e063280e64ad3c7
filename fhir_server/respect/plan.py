"""A ReSPECT plan as a value, read from its QuestionnaireResponse.

The linkIds are those of our Questionnaire (`profiles/questionnaires/respect-plan.json`); docs/respect.md lists them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from profiles.canonical import CANONICAL

Json = dict[str, Any]

QUESTIONNAIRE = f"{CANONICAL}/Questionnaire/respect-plan"
SUPERSEDED = f"{CANONICAL}/StructureDefinition/respect-superseded"
REVOKED = f"{CANONICAL}/StructureDefinition/respect-revoked"
MODIFIED_CPR = "modified-cpr"
"""The code of a CPR recommendation that is for children only."""


@dataclass(frozen=True, slots=True)
class Coded:
    """An answer that was chosen: its code and its words."""

    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Signature:
    """Who signed, as what, with which registration, and when (None: not said, or no time with a zone)."""

    name: str
    role: str
    body: Coded | None
    number: str
    at: datetime | None
    senior: bool


@dataclass(frozen=True, slots=True)
class Contact:
    """An emergency contact."""

    name: str
    relationship: str
    telephone: str
    details: str


@dataclass(frozen=True, slots=True)
class Proxy:
    """A legal proxy for health and welfare, or that there is none."""

    kind: Coded | None
    status: Coded | None
    details: str


@dataclass(frozen=True, slots=True)
class Review:
    """A review that took place."""

    on: str
    by: str
    outcome: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What a plan says, section by section; `ended_by` is the reference to the plan that superseded it."""

    id: str
    status: str
    authored: str
    superseded_at: str | None
    superseded_by: str | None
    revoked_at: str | None
    revoked_reason: str | None
    preferred_name: str
    summary: str
    other_plans: tuple[str, ...]
    proxies: tuple[Proxy, ...]
    priority: int | None
    values: str
    fears: str
    focus: Coded | None
    guidance: str
    cpr: Coded | None
    cpr_decided: str
    cpr_detail: str
    capacity: Coded | None
    capacity_detail: str
    involvement: tuple[Coded, ...]
    involvement_reason: str
    involved: str
    discussion_recorded: str
    signatures: tuple[Signature, ...]
    contacts: tuple[Contact, ...]
    review_due: str
    reviews: tuple[Review, ...]

    @property
    def signed_at(self) -> datetime | None:
        """The time of the latest signature; None where nobody signed."""
        times = [signature.at for signature in self.signatures if signature.at is not None]
        return max(times) if times else None

    @property
    def signed(self) -> bool:
        """Whether the form is complete and somebody signed it."""
        return self.status in ("completed", "amended") and bool(self.signatures)

    @property
    def ended(self) -> bool:
        """Whether it was superseded or revoked."""
        return self.superseded_at is not None or self.revoked_at is not None

    @property
    def in_force(self) -> bool:
        """Whether it holds: signed, and neither superseded nor revoked."""
        return self.signed and not self.ended

    @property
    def countersigned(self) -> bool:
        """Whether a senior responsible clinician signed."""
        return any(signature.senior for signature in self.signatures)

    def review_passed(self, today: date) -> bool:
        """Whether the date on which it was to be reviewed has gone by, without a review on or after it."""
        due = self.review_due[:10]
        return bool(due) and due < today.isoformat() and not any(review.on[:10] >= due for review in self.reviews)


def plan_of(data: Json) -> Plan | None:
    """The plan in a QuestionnaireResponse (valid R4 JSON); None where it answers another questionnaire."""
    if data.get("resourceType") != "QuestionnaireResponse" or not is_plan(data):
        return None
    answers = _Answers(data)
    superseded, revoked = _mark(data, SUPERSEDED), _mark(data, REVOKED)
    return Plan(
        id=str(data.get("id", "")),
        status=str(data.get("status", "")),
        authored=str(data.get("authored", "")),
        superseded_at=None if superseded is None else str(superseded.get("at", "")),
        superseded_by=None if superseded is None else str(superseded.get("by", {}).get("reference", "")),
        revoked_at=None if revoked is None else str(revoked.get("at", "")),
        revoked_reason=None if revoked is None else str(revoked.get("reason", "")),
        preferred_name=answers.text("1.1"),
        summary=answers.text("2.1"),
        other_plans=answers.texts("2.2"),
        proxies=tuple(
            Proxy(one.coded("2.3.1"), one.coded("2.3.2"), one.text("2.3.3")) for one in answers.groups("2.3")
        ),
        priority=answers.whole("3.1"),
        values=answers.text("3.2"),
        fears=answers.text("3.3"),
        focus=answers.coded("4.1"),
        guidance=answers.text("4.2"),
        cpr=answers.coded("4.3"),
        cpr_decided=answers.text("4.4"),
        cpr_detail=answers.text("4.5"),
        capacity=answers.coded("5.1"),
        capacity_detail=answers.text("5.2"),
        involvement=answers.all_coded("6.1"),
        involvement_reason=answers.text("6.2"),
        involved=answers.text("6.3"),
        discussion_recorded=answers.text("6.4"),
        signatures=tuple(_signature(one) for one in answers.groups("7.1")),
        contacts=tuple(
            Contact(one.text("8.1.1"), one.text("8.1.2"), one.text("8.1.3"), one.text("8.1.4"))
            for one in answers.groups("8.1")
        ),
        review_due=answers.text("9.1"),
        reviews=tuple(Review(one.text("9.2.1"), one.text("9.2.2"), one.text("9.2.3")) for one in answers.groups("9.2")),
    )


def is_plan(data: Json) -> bool:
    """Whether a QuestionnaireResponse answers our Questionnaire, in any version of it."""
    return str(data.get("questionnaire", "")).partition("|")[0] == QUESTIONNAIRE


def _mark(data: Json, url: str) -> Json | None:
    """The parts of a modifier extension by their url, where the resource has it."""
    for extension in data.get("modifierExtension", ()):
        if extension.get("url") == url:
            return {part["url"]: _value(part) for part in extension.get("extension", ())}
    return None


def _value(extension: Json) -> Any:
    return next((value for name, value in extension.items() if name.startswith("value")), None)


def _signature(answers: "_Answers") -> Signature:
    return Signature(
        name=answers.text("7.1.1"),
        role=answers.text("7.1.2"),
        body=answers.coded("7.1.3"),
        number=answers.text("7.1.4"),
        at=_moment(answers.text("7.1.5")),
        senior=answers.text("7.1.6") == "true",
    )


def _moment(text: str) -> datetime | None:
    """A FHIR dateTime as a time; None for less than that (a signature has a time, not a day)."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None


class _Answers:
    """The answers below an item, by linkId. Groups may repeat, and each is read for itself."""

    def __init__(self, owner: Json) -> None:
        self._items: dict[str, list[Json]] = {}
        for item in _items(owner):
            self._items.setdefault(str(item.get("linkId")), []).append(item)

    def groups(self, link_id: str) -> "list[_Answers]":
        return [_Answers(item) for item in self._items.get(link_id, ())]

    def _values(self, link_id: str) -> list[Any]:
        answers = (answer for item in self._items.get(link_id, ()) for answer in item.get("answer", ()))
        return [value for answer in answers if (value := _value(answer)) is not None]

    def texts(self, link_id: str) -> tuple[str, ...]:
        values = self._values(link_id)
        return tuple(str(value).lower() if isinstance(value, bool) else str(value) for value in values)

    def text(self, link_id: str) -> str:
        texts = self.texts(link_id)
        return texts[0] if texts else ""

    def whole(self, link_id: str) -> int | None:
        values = [value for value in self._values(link_id) if isinstance(value, int) and not isinstance(value, bool)]
        return values[0] if values else None

    def all_coded(self, link_id: str) -> tuple[Coded, ...]:
        codings = [value for value in self._values(link_id) if isinstance(value, dict)]
        return tuple(Coded(str(one.get("code", "")), str(one.get("display") or one.get("code", ""))) for one in codings)

    def coded(self, link_id: str) -> Coded | None:
        found = self.all_coded(link_id)
        return found[0] if found else None


def _items(owner: Json) -> Iterator[Json]:
    """The items below, those inside of groups too, except what lies inside of a repeating group."""
    for item in owner.get("item", ()):
        yield item
        if item.get("linkId") not in _REPEATING:
            yield from _items(item)


_REPEATING = frozenset({"2.3", "7.1", "8.1", "9.2"})
