"""About how many rows match: counted where there are few candidates, else extrapolated from the first of them.

How many candidates there are depends also on what a filter hides; so under a filter everything is counted.
"""

from fhir_server.store.mongodb.collections import RESOURCE
from fhir_server.store.mongodb.queries.drivers import counted
from fhir_server.store.mongodb.queries.filters import Filter
from fhir_server.store.mongodb.queries.search import Search

FEW, SAMPLE = 20_000, 5_000


async def estimate(search: Search) -> int:
    """The count, or, where nothing is hidden from the caller, a number near it."""
    if search.hidden or search.nothing or search.probes:
        return await search.count()
    driver = await search.driver()
    candidates = (await counted(search.state.then, driver, FEW)).hits or 0
    if candidates < FEW:
        return await search.count()
    sample: list[Filter] = [{"$match": driver.condition}, {"$limit": SAMPLE}, {"$match": search.matching(driver)}]
    matched = await search.state.then.ask(RESOURCE, [*sample, {"$count": "n"}], hint=driver.by)
    total = await search.state.then.ask(RESOURCE, [{"$match": driver.condition}, {"$count": "n"}], hint=driver.by)
    share = (matched[0]["n"] if matched else 0) / SAMPLE
    return round(share * int(total[0]["n"]))
