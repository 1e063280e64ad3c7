"""How a search runs, for operators. Steps name parameters and indexes, never values: those may be of a patient."""

import time
from collections.abc import Sequence
from dataclasses import replace

from fhir_server.outcome import TooCostly
from fhir_server.store.described import described
from fhir_server.store.mongodb.queries.drivers import counted
from fhir_server.store.mongodb.queries.search import Search
from fhir_server.store.mongodb.queries.system import SystemSearch
from fhir_server.store.values import Explanation, PlanStep

MOST_COUNTED = 200_000


async def explained(search: Search | SystemSearch, begin_ns: int) -> Explanation:
    """Run the search, and say what was done and how long that took since it was begun."""
    found = await search.page()
    microseconds = (time.perf_counter_ns() - begin_ns) // 1_000
    parts: Sequence[Search] = search.parts if isinstance(search, SystemSearch) else (search,)
    steps = [step for part in parts for step in await _steps(part)]
    steps.append(PlanStep("page", "rows given", actual=len(found.rows)))
    return Explanation(tuple(steps), microseconds)


async def _steps(search: Search) -> list[PlanStep]:
    steps = [PlanStep("search", search.type)]
    driver = await search.driver()
    for step in search.steps:
        steps.append(replace(step, actual=await _candidates(search)) if step.does == "drive" else step)
    answered = search.answered(driver)
    steps += [PlanStep("filter", described(part)) for part in search.criteria if part is not answered]
    if not search.rows.open:
        steps.append(PlanStep("filter", "access"))
    return steps


async def _candidates(search: Search) -> int | None:
    driver = await search.driver()
    try:
        hits = (await counted(search.state.then, replace(driver, hits=None), MOST_COUNTED)).hits
    except TooCostly:
        return None
    return None if hits == MOST_COUNTED else hits
