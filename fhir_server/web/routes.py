"""The care team's pages: where they are, and what each asks for.

Everything is asked of the pipeline, so access is decided and audit written as for any other request.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from fhir_server.web.about import AboutPage
from fhir_server.web.asking import Answer, Asking, Pipeline
from fhir_server.web.person import Person, day, person_of
from fhir_server.web.plan_page import Banner, PlanPage, plan_page
from fhir_server.web.rendering import Pages
from fhir_server.web.residents import residents_of

Json = dict[str, Any]
Handler = Callable[[Request], Awaitable[Response]]

ODS_ORGANISATION = "https://fhir.nhs.uk/Id/ods-organization-code"
_MOST_ORGANISATIONS = 200
_PEOPLE = 100
_PLANS = 100
_CPR_CODES = ("450475007", "450476008", "304252001", "304253006", "143021000119109")
_SNOMED = "http://snomed.info/sct"
_NOTHING = {
    "none-known": Banner(
        "nothing",
        "No plan known here",
        "No ReSPECT plan in force is recorded here. There may be one on paper or elsewhere.",
    ),
    "withheld": Banner(
        "doubt", "Cannot tell whether there is a plan", "Something in this person's record is withheld from you."
    ),
    "not-checked": Banner(
        "doubt", "Could not be checked", "The record could not be read now. Try again, or look on paper."
    ),
}


@dataclass(frozen=True, slots=True)
class CarePages:
    """The handlers of the pages. `facts`: what the first page says of the server itself."""

    pipeline: Pipeline
    pages: Pages
    facts: Callable[[], Awaitable[AboutPage]]

    def routes(self) -> list[tuple[str, Handler]]:
        """Paths and their handlers."""
        return [
            ("/", self.home),
            ("/organizations/{id}", self.organization),
            ("/patients/{id}/respect", self.current_plan),
            ("/patients/{id}/respect/print", self.printed_plan),
            ("/patients/{id}/respect/{plan}", self.one_plan),
            ("/patients/{id}/respect/{plan}/print", self.printed_plan),
        ]

    def _asking(self, request: Request) -> Asking:
        return Asking(self.pipeline, request.client.host if request.client else None)

    async def home(self, request: Request) -> Response:
        """Homes and practices."""
        parameters = [("identifier", f"{ODS_ORGANISATION}|"), ("_count", str(_MOST_ORGANISATIONS))]
        answer = await self._asking(request).get("Organization", parameters=parameters)
        if answer.status != 200:
            return self._fault(answer)
        found = [entry["resource"] for entry in answer.entries if "id" in entry.get("resource", {})]
        listed = sorted(
            ({"id": one["id"], "name": one.get("name", "Without a name")} for one in found if one.get("name")),
            key=lambda one: str(one["name"]).casefold(),
        )
        facts = await self.facts()
        counts = sorted(facts.counts.items())
        more = answer.next() is not None
        return self.pages.page("home.html", organisations=listed, more=more, facts=facts, counts=counts)

    async def organization(self, request: Request) -> Response:
        """The people of one."""
        id, asking = request.path_params["id"], self._asking(request)
        organization = await asking.get("Organization", id)
        if organization.status != 200:
            return self._fault(organization)
        token = request.query_params.get("page")
        parameters = [("_count", str(_PEOPLE))] if token is None else [("_page", token)]
        people = await asking.get("Organization", id, "$residents", parameters=parameters)
        if people.status != 200:
            return self._fault(people)
        rows = residents_of(people.entries, self.pages.now().date())
        return self.pages.page(
            "organization.html",
            name=organization.resource.get("name", "Organisation"),
            rows=rows,
            shown=len(rows),
            total=people.resource.get("total", len(rows)),
            next=people.next(),
        )

    async def current_plan(self, request: Request) -> Response:
        """The plan in force, or which kind of nothing."""
        return await self._plan(request, None)

    async def one_plan(self, request: Request) -> Response:
        """One plan, whatever its status, with the status first."""
        return await self._plan(request, request.path_params["plan"])

    async def _plan(self, request: Request, wanted: str | None) -> Response:
        found = await self._found(request, wanted)
        if isinstance(found, Response):
            return found
        person, page, nothing, others = found
        asking = self._asking(request)
        return self.pages.page(
            "plan.html",
            person=person,
            page=page,
            nothing=nothing,
            others=[one for one in others if page is None or one.id != page.id],
            recorded=await self._recorded(asking, person.id),
            print_url=f"{request.url.path}/print",
        )

    async def printed_plan(self, request: Request) -> Response:
        """A plan on two sides of A4."""
        found = await self._found(request, request.path_params.get("plan"))
        if isinstance(found, Response):
            return found
        person, page, nothing, _ = found
        if page is None:
            words = nothing.words if nothing is not None else "There is no such plan"
            return self.pages.page("fault.html", 404, words=words, more="There is nothing to print.")
        return self.pages.page("print.html", person=person, page=page)

    async def _found(
        self, request: Request, wanted: str | None
    ) -> Response | tuple[Person, PlanPage | None, Banner | None, list[PlanPage]]:
        """The person, the plan that is asked for (None: the one in force), why there is none, and all plans."""
        id, asking, today = request.path_params["id"], self._asking(request), self.pages.now().date()
        patient = await asking.get("Patient", id)
        if patient.status != 200:
            return self._fault(patient)
        current = await asking.get("Patient", id, "$respect-current")
        in_force = current.resource if current.resource.get("resourceType") == "QuestionnaireResponse" else None
        holder = None if in_force is None else str(in_force.get("id"))
        others = await self._plans(asking, id, holder)
        nothing = None if in_force is not None else _nothing(current)
        if wanted is None:
            page = None if in_force is None else plan_page(in_force, current=holder, today=today)
            return person_of(patient.resource, today), page, nothing, others
        page = next((one for one in others if one.id == wanted), None)
        if page is None:
            words, more = "There is no such plan of this person", "Look for the plan in force."
            return self.pages.page("fault.html", 404, words=words, more=more)
        return person_of(patient.resource, today), page, nothing, others

    async def _plans(self, asking: Asking, id: str, holder: str | None) -> list[PlanPage]:
        """All plans of a person, the latest first."""
        parameters = [("patient", id), ("_sort", "-authored"), ("_count", str(_PLANS))]
        answer = await asking.get("QuestionnaireResponse", parameters=parameters)
        today = self.pages.now().date()
        found = (plan_page(entry.get("resource", {}), current=holder, today=today) for entry in answer.entries)
        return [page for page in found if page is not None]

    async def _recorded(self, asking: Asking, id: str) -> list[str]:
        """What the GP record says about CPR by itself: shown as a fact, decided by nobody here."""
        codes = ",".join(f"{_SNOMED}|{code}" for code in _CPR_CODES)
        parameters = [("patient", id), ("code", codes), ("_sort", "-date"), ("_count", "3")]
        answer = await asking.get("Observation", parameters=parameters)
        return [_recorded_words(entry.get("resource", {})) for entry in answer.entries]

    def _fault(self, answer: Answer) -> Response:
        if answer.status in (404, 410):
            words, more = "This is not here", "There is no such record here, or you may not see it."
        elif answer.status == 400:
            words, more = "This address is not right", "Go back and choose again."
        else:
            words, more = "The record cannot be shown now", "Try again in a moment. If it stays so, use the paper copy."
        status = answer.status if answer.status in (400, 403, 404, 410, 503) else 503
        return self.pages.page("fault.html", status, words=words, more=more)


def _nothing(answer: Answer) -> Banner:
    """Which kind of nothing the operation told; anything else could not be checked."""
    for issue in answer.resource.get("issue", ()):
        for coding in issue.get("details", {}).get("coding", ()):
            if coding.get("code") in _NOTHING:
                return _NOTHING[coding["code"]]
    return _NOTHING["not-checked"]


def _recorded_words(observation: Json) -> str:
    code = observation.get("code", {})
    words = code.get("text") or next((one["display"] for one in code.get("coding", ()) if one.get("display")), "a code")
    on = day(str(observation.get("effectiveDateTime") or observation.get("issued") or ""))
    return f"“{words}”{f', {on}' if on else ''}."
