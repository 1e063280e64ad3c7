"""A search parameter that is posted to one of several worker processes takes effect in all of them, at once."""

import asyncio
from pathlib import Path

import httpx

from tests.running import JSON, encoded
from tests.search.test_custom_parameters import in_bed, parameter
from tests.stores import server_on

WRITES = 120


async def test_two_workers(on_both_stores: None, tmp_path: Path) -> None:
    server = server_on(tmp_path, 2)
    server.start()
    try:
        await _post_while_others_write(f"{server.address}/fhir/")
    finally:
        server.kill()


async def _post_while_others_write(base: str) -> None:
    # A connection for each request: the kernel spreads them over the workers.
    limits = httpx.Limits(max_keepalive_connections=0)
    strict = {"prefer": "handling=strict"}
    async with httpx.AsyncClient(base_url=base, limits=limits, timeout=60, headers=strict) as http:

        async def write(number: int) -> None:
            resource = in_bed(f"p{number}", f"Oak {number}")
            answer = await http.put(f"Patient/p{number}", content=encoded(resource), headers=JSON)
            assert answer.status_code == 201, answer.text

        async def post() -> None:
            answer = await http.put("SearchParameter/bed", content=encoded(parameter(id="bed")), headers=JSON)
            assert answer.status_code == 201, answer.text

        await asyncio.gather(*(write(number) for number in range(WRITES // 2)))
        await asyncio.gather(post(), *(write(number) for number in range(WRITES // 2, WRITES)))
        found: set[int] = set()
        async with asyncio.timeout(60):
            while (answer := await http.get("Patient?bed=oak&_summary=count")).status_code == 503:
                assert answer.json()["issue"][0]["code"] == "transient"
                await asyncio.sleep(0.05)
        for _ in range(12):
            found.add((await http.get("Patient?bed=oak&_summary=count")).json()["total"])
        assert found == {WRITES}
