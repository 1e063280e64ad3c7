"""How a search runs, for operators. Steps name parameters and indexes, never values: those may be of a patient."""

import time
from dataclasses import replace

from fhir_server.store.described import described
from fhir_server.store.sqlite.queries.budget import UsedUp, trial
from fhir_server.store.sqlite.queries.plan import Driver, best
from fhir_server.store.sqlite.queries.search import Search
from fhir_server.store.sqlite.queries.system import SystemSearch, each
from fhir_server.store.values import Explanation, PlanStep

COUNT_STEPS = 4_000_000


def explained(search: Search | SystemSearch) -> Explanation:
    """Run the search, and say what was done and how long that took."""
    begin = time.perf_counter_ns()
    found = search.page()
    microseconds = (time.perf_counter_ns() - begin) // 1_000
    steps = [step for part in each(search) for step in _steps(part)]
    steps.append(PlanStep("page", "rows given", actual=len(found.vids)))
    return Explanation(tuple(steps), microseconds)


def _steps(search: Search) -> list[PlanStep]:
    driver = best(search.connection, search.choices, search.most)
    steps = [PlanStep("search", search.type)]
    for step in search.steps:
        counted = driver is not None and step.does == "drive"
        steps.append(replace(step, actual=_candidates(search, driver)) if counted and driver else step)
    answered = driver.answered if driver is not None else ()
    steps += [PlanStep("filter", described(part)) for part in search.criteria if part not in answered]
    if not search.rows.open:
        steps.append(PlanStep("filter", "access"))
    return steps


def _candidates(search: Search, driver: Driver) -> int | None:
    text = f"SELECT count(*) FROM {driver.source.text} WHERE {driver.condition.text}"
    try:
        with trial(search.connection, COUNT_STEPS):
            values = (*driver.source.values, *driver.condition.values)
            return int(search.connection.execute(text, values).get)
    except UsedUp:
        return None
