"""`_explain`: how a search was run, for those who run the server. docs/search.md"""

from fhir_server.interactions.context import Context
from fhir_server.outcome import Forbidden, Issue
from fhir_server.store.criteria import Query, SystemQuery
from fhir_server.store.values import PlanStep


async def explained(context: Context, query: Query | SystemQuery) -> tuple[Issue, ...]:
    """An issue for each step of the plan, and one with the time. Raises `Forbidden` for anybody but an operator: it
    counts rows that the caller's filter may hide."""
    if not context.operator:
        raise Forbidden("_explain is for those who run this server.")
    found = await context.session.unseen.explain(query)
    lines = [*map(_line, found.steps), f"all of it took {found.microseconds} microseconds"]
    return tuple(Issue("informational", line, severity="information") for line in lines)


def _line(step: PlanStep) -> str:
    counted = [
        f"{name} {number}"
        for name, number in (("estimated", step.estimated), ("actual", step.actual))
        if number is not None
    ]
    return f"{step.does}: {step.by}" + (f" ({', '.join(counted)})" if counted else "")
