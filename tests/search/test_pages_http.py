"""Pages through HTTP: whatever others write between two of them, in both directions they are the list of the start."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tests.access.serving import world
from tests.running import Client, observation, patient, running
from tests.search.test_custom_parameters import in_bed, indexed, parameter
from tests.stores import fewer

Resource = dict[str, Any]
Step = tuple[Any, ...]
NAMES = tuple(f"o{number}" for number in range(8))
QUERIES = (
    "Observation?_tag={tag}",
    "Observation?_tag={tag}&_sort=_id",
    "Observation?_tag={tag}&_sort=-date,status",
    "Observation?_tag={tag}&_sort=value-quantity,-_id&status:not=amended",
    "Observation?_tag={tag}&_sort=-_lastUpdated&_total=accurate",
    "Observation?_tag={tag}&subject:Patient.active=true&_sort=date",
    "Observation?_tag={tag}&_sort=_id&_include=Observation:subject",
    "Patient/{tag}/Observation?_sort=status",
    "Patient/{tag}/*?_sort=-_id",
    "?_type=Observation,Condition&_tag={tag}&_sort=_id",
    "Patient?_has:Observation:patient:status=final&_tag={tag}&_revinclude=Observation:patient",
)

NAME = st.sampled_from(NAMES)
STATUS = st.sampled_from(["final", "amended", "registered"])
WRITE = st.one_of(
    st.tuples(st.just("put"), NAME, STATUS, st.integers(1, 9)),
    st.tuples(st.just("put"), NAME, STATUS, st.integers(1, 9)),
    st.tuples(st.just("delete"), NAME),
    st.tuples(st.just("patient"), st.booleans()),
    st.tuples(st.just("together"), NAME, NAME, STATUS, st.integers(1, 9)),
)
TURN = st.tuples(st.just("turn"), st.sampled_from(["next", "next", "next", "previous", "first"]))
STEP = st.booleans().flatmap(lambda turns: TURN if turns else WRITE)


class App:
    """One application for all examples, each of which has a tag and a patient of its own."""

    def __init__(self, runner: asyncio.Runner, client: Client) -> None:
        self.runner = runner
        self.client = client
        self.examples = 0


@pytest.fixture(scope="module")
def app(module_on_both_stores: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """The application."""
    with asyncio.Runner() as runner:
        opened: AbstractAsyncContextManager[Client] = running(tmp_path_factory.mktemp("pages"))
        yield App(runner, runner.run(opened.__aenter__()))
        runner.run(opened.__aexit__(None, None, None))


def test_both_ways_the_pages_are_the_list_of_the_start(app: App) -> None:
    @hypothesis_settings(max_examples=fewer(120))
    @given(
        query=st.sampled_from(QUERIES),
        count=st.integers(1, 4),
        before=st.lists(WRITE, min_size=4, max_size=12),
        steps=st.lists(STEP, min_size=4, max_size=14),
    )
    def walked(query: str, count: int, before: list[Step], steps: list[Step]) -> None:
        app.examples += 1
        app.runner.run(_walk(app.client, f"t{app.examples}", query, count, before, steps))

    walked()


async def _walk(fhir: Client, tag: str, query: str, count: int, before: list[Step], steps: list[Step]) -> None:
    world = World(fhir, tag)
    await world.write(("patient", True))
    for step in before:
        await world.write(step)
    asked = query.format(tag=tag)
    whole = await listed(fhir, f"{asked}&_count=1000")
    page = (await fhir.get(f"{asked}&_count={count}")).json()
    book = Book(whole, count)
    book.check(page)
    for step in steps:
        if step[0] != "turn":
            await world.write(step)
        elif (url := links(page).get(step[1])) is not None:
            page = (await fhir.get(url)).json()
            book.turn(step[1])
            book.check(page)


class World:
    """What others write: resources of one tag."""

    def __init__(self, fhir: Client, tag: str) -> None:
        self.fhir = fhir
        self.tag = tag

    async def write(self, step: Step) -> None:
        """Carry out one step; what would delete something that is not there changes nothing."""
        match step:
            case ("put", name, status, day):
                answer = await self.fhir.put(self._observation(name, status, day))
            case ("delete", name):
                answer = await self.fhir.send("DELETE", f"Observation/{self.tag}-{name}")
            case ("patient", active):
                answer = await self.fhir.put(patient(self.tag, active=active, meta=self._meta()))
            case ("together", one, other, status, day):
                answer = await self.fhir.post(self._together(sorted({one, other}), status, day), "")
            case _:
                raise AssertionError(step)
        assert answer.status_code in (200, 201, 204), answer.text

    def _meta(self) -> Resource:
        return {"tag": [{"code": self.tag}]}

    def _observation(self, name: str, status: str, day: int) -> Resource:
        return observation(
            f"Patient/{self.tag}",
            f"{self.tag}-{name}",
            meta=self._meta(),
            status=status,
            effectiveDateTime=f"2026-03-0{day}",
            valueQuantity={"value": day, "unit": "d"},
        )

    def _together(self, names: list[str], status: str, day: int) -> Resource:
        sent = [self._observation(name, status, day) for name in names]
        sent.append(
            {
                "resourceType": "Condition",
                "id": f"{self.tag}-c",
                "meta": self._meta(),
                "subject": {"reference": f"Patient/{self.tag}"},
                "recordedDate": f"2026-03-0{day}",
            }
        )
        entries = [
            {"resource": each, "request": {"method": "PUT", "url": f"{each['resourceType']}/{each['id']}"}}
            for each in sent
        ]
        return {"resourceType": "Bundle", "type": "transaction", "entry": entries}


@dataclass
class Book:
    """What the pages must show: the whole list as it was at the start, and where the reader is in it."""

    whole: Resource
    count: int
    place: int = 0
    matches: list[Resource] = field(init=False)
    included: dict[tuple[str, str], Resource] = field(init=False)

    def __post_init__(self) -> None:
        self.matches = shown(self.whole, "match")
        self.included = {named(each): each for each in shown(self.whole, "include")}

    def turn(self, relation: str) -> None:
        """The reader follows a link."""
        moves = {"next": self.place + self.count, "previous": self.place - self.count, "first": 0}
        self.place = moves[relation]
        assert 0 <= self.place < max(len(self.matches), 1)

    def check(self, page: Resource) -> None:
        """The page is this part of the list, with the links and the total that belong to it."""
        assert page["resourceType"] == "Bundle", page
        assert shown(page, "match") == self.matches[self.place : self.place + self.count]
        assert ("next" in links(page)) == (self.place + self.count < len(self.matches))
        assert ("previous" in links(page)) == (self.place > 0)
        assert page.get("total") == self.whole.get("total")
        for each in shown(page, "include"):
            assert each == self.included[named(each)]
        assert bool(shown(page, "include")) == bool(self.included and shown(page, "match"))


async def listed(fhir: Client, query: str) -> Resource:
    answer = await fhir.get(query)
    assert answer.status_code == 200, answer.text
    found: Resource = answer.json()
    assert "next" not in links(found)
    return found


def shown(bundle: Resource, mode: str) -> list[Resource]:
    return [entry["resource"] for entry in bundle.get("entry", ()) if entry["search"]["mode"] == mode]


def named(resource: Resource) -> tuple[str, str]:
    return resource["resourceType"], resource["id"]


def links(bundle: Resource) -> dict[str, str]:
    found = {link["relation"]: link["url"] for link in bundle["link"]}
    assert len(found) == len(bundle["link"])
    return found


def ids(bundle: Resource) -> list[str]:
    return [each["id"] for each in shown(bundle, "match")]


# --- one by one --------------------------------------------------------------------------------------------------


async def seven(fhir: Client) -> None:
    await fhir.put(patient("p"))
    for number in range(7):
        await fhir.put(observation("Patient/p", f"o{number}"))


async def test_to_the_end_back_and_to_the_beginning(on_both_stores: None, fhir: Client) -> None:
    await seven(fhir)
    page = (await fhir.get("Observation?_sort=_id&_count=3")).json()
    assert list(links(page)) == ["self", "next"]
    seen = [ids(page)]
    for relation in ("next", "next", "previous", "previous", "next", "next", "first"):
        await fhir.send("DELETE", f"Observation/o{len(seen) - 1}")
        page = (await fhir.get(links(page)[relation])).json()
        seen.append(ids(page))
    first, second, third = ["o0", "o1", "o2"], ["o3", "o4", "o5"], ["o6"]
    assert seen == [first, second, third, second, first, second, third, first]
    assert list(links(page)) == ["self", "first", "next"]
    assert ids((await fhir.get("Observation?_sort=_id")).json()) == []


async def test_links_outlive_a_restart(on_both_stores: None, tmp_path: Path) -> None:
    async with running(tmp_path) as fhir:
        await seven(fhir)
        page = (await fhir.get("Observation?_sort=_id&_count=3")).json()
        page = (await fhir.get(links(page)["next"])).json()
    async with running(tmp_path) as fhir:
        await fhir.put(observation("Patient/p", "o00"))
        await fhir.put(observation("Patient/p", "o6", status="amended"))
        found = [(await fhir.get(links(page)[relation])).json() for relation in ("previous", "next", "first")]
        assert [ids(each) for each in found] == [["o0", "o1", "o2"], ["o6"], ["o0", "o1", "o2"]]
        assert found[1]["entry"][0]["resource"]["status"] == "final"


async def test_what_goes_along_is_as_of_the_first_page_too(on_both_stores: None, tmp_path: Path) -> None:
    """Also where it takes pages of its own."""
    async with running(tmp_path, max_included=2) as fhir:
        await fhir.put(patient("p"))
        for number in range(2):
            await fhir.put({"resourceType": "Encounter", "id": f"e{number}", **ENCOUNTER})
            for part in range(3):
                where = {"encounter": {"reference": f"Encounter/e{number}"}}
                await fhir.put(observation("Patient/p", f"o{number}{part}", **where))
        seen: list[list[tuple[str, str]]] = []
        url: str | None = "Encounter?_sort=_id&_count=1&_revinclude=Observation:encounter"
        while url is not None:
            page = (await fhir.get(url)).json()
            seen.append([(each["resource"]["id"], each["search"]["mode"]) for each in page["entry"]])
            assert all(each["resource"]["meta"]["versionId"] == "1" for each in page["entry"])
            for name in ("o00", "o02", "o11"):
                await fhir.put(observation("Patient/p", name, status="amended", note=[{"text": str(len(seen))}]))
            await fhir.send("DELETE", "Observation/o12")
            await fhir.put(observation("Patient/p", f"o0{len(seen)}x", encounter={"reference": "Encounter/e1"}))
            url = links(page).get("next")
        assert seen == [
            [("e0", "match"), ("o00", "include"), ("o01", "include")],
            [("o02", "include")],
            [("e1", "match"), ("o10", "include"), ("o11", "include")],
            [("o12", "include")],
        ]


ENCOUNTER = {"status": "finished", "class": {"code": "AMB"}, "subject": {"reference": "Patient/p"}}


async def test_a_parameter_that_is_gone_is_not_left_out_of_the_pages_that_follow(
    on_both_stores: None, fhir: Client
) -> None:
    """Else the rest of the pages would show everybody."""
    await fhir.put(parameter(id="bed"))
    for number in range(4):
        await fhir.put(in_bed(f"p{number}", "Oak" if number < 3 else "Elm"))
    await indexed(fhir, "bed")
    page = (await fhir.get("Patient?bed=oak&_count=1&_sort=_id")).json()
    await fhir.send("DELETE", "SearchParameter/bed")
    answer = await fhir.get(links(page)["next"])
    assert answer.status_code == 400
    assert answer.json()["issue"][0]["diagnostics"] == "Patient has no search parameter bed: it was not used."


async def test_about_a_date_means_the_same_on_all_pages(on_both_stores: None, tmp_path: Path) -> None:
    """`ap` reaches farther as time goes by; the pages do not."""
    async with world(tmp_path / "here") as here:
        here.server = replace(here.server, search=replace(here.server.search, clock_ms=here.clock))
        for number, day in enumerate(("2026-02-11", "2026-02-12", "2026-02-16", "2026-02-05")):
            await here.fhir.put(patient(f"p{number}", birthDate=day))
        asked = "Patient?birthdate=ap2026-02-12&_sort=-birthdate&_total=accurate"
        page = (await here.fhir.get(f"{asked}&_count=1")).json()
        before = ids((await here.fhir.get(asked)).json())
        assert before == ["p1", "p0"]
        here.clock.now_ms += 365 * 86_400_000
        assert ids((await here.fhir.get(asked)).json()) == ["p2", "p1", "p0", "p3"]
        seen = ids(page)
        while "next" in links(page):
            here.clock.now_ms += 1_000_000
            page = (await here.fhir.get(links(page)["next"])).json()
            assert page["total"] == len(before)
            seen += ids(page)
        assert seen == before


REFUSED = {
    "severity": "error",
    "code": "not-found",
    "diagnostics": "This page link is not valid here: it was changed, or it was made for someone else. Search again.",
}


async def test_a_changed_link_is_refused(on_both_stores: None, fhir: Client) -> None:
    await seven(fhir)
    page = (await fhir.get("Observation?_sort=_id&_count=3")).json()
    url = links((await fhir.get(links(page)["next"])).json())
    for relation in ("first", "previous", "next"):
        address, _, token = url[relation].partition("_page=")
        for changed in ("", "A", token[:-4], token + "A", token[::-1], token.swapcase(), f"{token[:-8]}AAAAAAAA"):
            answer = await fhir.get(f"{address}_page={changed}")
            assert answer.status_code == 404, changed
            assert answer.json()["issue"] == [REFUSED]


async def test_a_link_of_another_store_is_refused(on_both_stores: None, tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "other").mkdir()
    async with running(tmp_path / "one") as one, running(tmp_path / "other") as other:
        await seven(one)
        await seven(other)
        url = links((await one.get("Observation?_count=3")).json())["next"]
        answer = await other.get(url)
        assert (answer.status_code, answer.json()["issue"]) == (404, [REFUSED])


@pytest.mark.parametrize("address", ["Condition", "Patient/p/Observation", "Patient/p/*", "", "Observation/_history"])
async def test_a_link_belongs_to_its_address(on_both_stores: None, fhir: Client, address: str) -> None:
    await seven(fhir)
    url = links((await fhir.get("Observation?_count=3")).json())["next"]
    answer = await fhir.get(f"{address}?{url.partition('?')[2]}")
    assert answer.status_code == 400
    assert answer.json()["issue"][0]["diagnostics"] == "This page link belongs to another address."


async def test_a_link_into_a_state_that_is_gone_is_410(on_both_stores: None, tmp_path: Path) -> None:
    async with running(tmp_path, snapshot_seconds=1) as fhir:
        await seven(fhir)
        page = (await fhir.get("Observation?_sort=_id&_count=3")).json()
        page = (await fhir.get(links(page)["next"])).json()
        await fhir.put(observation("Patient/p", "o9"))
        async with asyncio.timeout(60):
            while (answer := await fhir.get(links(page)["next"])).status_code == 200:
                assert ids(answer.json()) == ["o6"]
                await asyncio.sleep(0.05)
        for relation in ("first", "previous", "next"):
            answer = await fhir.get(links(page)[relation])
            assert answer.status_code == 410
            assert answer.json()["issue"] == [
                {
                    "severity": "error",
                    "code": "expired",
                    "diagnostics": "this page link names a state of the record that is no longer kept;"
                    " start the search again",
                }
            ]


async def test_no_page_shows_half_a_transaction(on_both_stores: None, fhir: Client) -> None:
    """Pairs change together, over and over, while others page through them one by one, in both directions."""
    await fhir.put(patient("p"))
    await fhir.post(_pair(0), "")
    done = asyncio.Event()

    async def change() -> None:
        for number in range(1, 60):
            assert (await fhir.post(_pair(number), "")).status_code == 200
        done.set()

    async def read() -> int:
        walks = 0
        while walks < 3 or not done.is_set():
            page = (await fhir.get("Observation?_sort=_id&_count=1")).json()
            seen = [shown(page, "match")]
            for relation in ["next"] * 3 + ["previous"] * 3:
                page = (await fhir.get(links(page)[relation])).json()
                seen.append(shown(page, "match"))
            assert len({each["note"][0]["text"] for (each,) in seen}) == 1, json.dumps(seen)
            assert [each["id"] for (each,) in seen] == ["a", "b", "c", "d", "c", "b", "a"]
            walks += 1
        return walks

    await asyncio.gather(change(), read(), read(), read())


def _pair(number: int) -> Resource:
    sent = [observation("Patient/p", name, note=[{"text": str(number)}]) for name in ("d", "b", "a", "c")]
    entries = [{"resource": each, "request": {"method": "PUT", "url": f"Observation/{each['id']}"}} for each in sent]
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}
