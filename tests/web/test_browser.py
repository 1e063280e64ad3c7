"""The pages on a tablet, a phone and paper, by keyboard too. Would a tired carer find the CPR decision?"""

from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pytest
from playwright.sync_api import Browser, Page
from pypdf import PdfReader

from fhir_server.web.assets import are_there
from tests.respect.plans import answers, item, plan, signature, superseded
from tests.web.browser import browsing, needs_chromium, serving
from tests.web.test_pages import HOME, _person

needs_chromium()
pytestmark = pytest.mark.xdist_group("browser")

TABLET, PHONE = {"width": 768, "height": 1024}, {"width": 360, "height": 740}
SCREENS = pytest.mark.parametrize("screen", [TABLET, PHONE], ids=["tablet", "phone"])
LONG = "Stay at home where that can be done. Take to hospital for a broken bone; antibiotics by mouth. " * 40


def _plan(id: str, of: str, **changed: Any) -> dict[str, Any]:
    return plan(of, **changed) | {"id": id}


def _long_plan() -> list[dict[str, Any]]:
    whole = answers(signature("2026-03-01T10:00:00Z", senior=True), summary=LONG)
    for group in whole:
        if group["linkId"] == "4":
            group["item"].append(item("4.2", {"valueString": LONG}))
    return whole


RESOURCES = [
    HOME,
    _person("p"),
    _person("q", name=[{"family": "Featherstonehaugh-Cholmondeley", "given": ["Maximiliana", "Wilhelmina"]}]),
    _person("r"),
    _plan("whole", "p", item=answers(signature("2026-03-01T10:00:00Z", senior=True))),
    _plan("old", "p", signed="2025-03-01T10:00:00Z", modifierExtension=[superseded("QuestionnaireResponse/whole")]),
    _plan("long", "q", item=_long_plan()),
]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(tmp_path_factory.mktemp("pages"), *RESOURCES) as found:
        yield found


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsing() as found:
        yield found


def _open(browser: Browser, address: str, path: str, screen: dict[str, int]) -> tuple[Page, list[str]]:
    page = browser.new_page(viewport={"width": screen["width"], "height": screen["height"]})
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("request", lambda request: None if request.url.startswith(address) else complaints.append(request.url))
    page.goto(address + path)
    return page, complaints


@SCREENS
@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/organizations/home",
        "/patients/p/respect",
        "/patients/p/respect/old",
        "/patients/q/respect",
        "/patients/r/respect",
        "/patients/q/respect/print",
    ],
)
def test_a_page_fits_the_screen_and_asks_nobody_else(
    browser: Browser, address: str, path: str, screen: dict[str, int]
) -> None:
    page, complaints = _open(browser, address, path, screen)
    if "print" not in path:
        assert page.evaluate("document.documentElement.scrollWidth") <= screen["width"]
    if are_there():
        assert [one for one in complaints if "favicon" not in one] == []
    assert page.locator("h1").count() == 1
    levels = page.eval_on_selector_all("h1,h2,h3", "found => found.map(one => Number(one.tagName[1]))")
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in zip(levels, levels[1:], strict=False))
    page.close()


@SCREENS
def test_status_and_cpr_are_on_the_first_screen(browser: Browser, address: str, screen: dict[str, int]) -> None:
    page, _ = _open(browser, address, "/patients/p/respect", screen)
    for words in (".scr-person__name", ".scr-status__words", ".scr-cpr__words"):
        box = page.locator(words).bounding_box()
        assert box is not None
        assert box["y"] >= 0
        assert box["y"] + box["height"] <= screen["height"]
    size = page.eval_on_selector(".scr-cpr__words", "one => parseFloat(getComputedStyle(one).fontSize)")
    others = page.eval_on_selector_all(
        "main p, main dd", "a => a.map(one => parseFloat(getComputedStyle(one).fontSize))"
    )
    assert size == max(others)
    page.close()


@SCREENS
def test_who_it_is_stays_in_sight(browser: Browser, address: str, screen: dict[str, int]) -> None:
    page, _ = _open(browser, address, "/patients/p/respect", screen)
    page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
    for words in ("PENHALLOW, Morwenna (Mrs)", "11-Feb-1938", "999 000 0018"):
        box = page.locator(".scr-person", has_text=words).bounding_box()
        assert box is not None
        assert 0 <= box["y"] < screen["height"] / 2
    page.close()


def test_everything_is_reached_by_keyboard(browser: Browser, address: str) -> None:
    page, _ = _open(browser, address, "/organizations/home", TABLET)
    reached = []
    for _ in range(10):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.getAttribute('href')"))
    assert reached[0] == "#maincontent"
    assert {"/patients/p/respect", "/patients/q/respect", "/patients/r/respect"} <= set(reached)
    page.keyboard.press("Shift+Tab")
    assert page.evaluate("getComputedStyle(document.activeElement).boxShadow") != "none"
    page.close()


def test_status_does_not_rest_on_colour(browser: Browser, address: str) -> None:
    page, _ = _open(browser, address, "/patients/p/respect/old", TABLET)
    assert "Superseded" in page.locator(".scr-status__words").inner_text().capitalize()
    assert page.locator(".scr-status").get_attribute("role") == "status"
    line = page.eval_on_selector(".scr-cpr__words", "one => getComputedStyle(one).textDecorationLine")
    assert line == "line-through"
    page.close()


def _printed(browser: Browser, address: str, path: str) -> list[str]:
    page, _ = _open(browser, address, path, TABLET)
    pdf = page.pdf(prefer_css_page_size=True)
    page.close()
    reader = PdfReader(BytesIO(pdf))
    for sheet in reader.pages:
        assert (round(float(sheet.mediabox.width)), round(float(sheet.mediabox.height))) in ((595, 842), (596, 842))
    return [" ".join(sheet.extract_text().split()) for sheet in reader.pages]


def test_a_plan_is_two_sides_of_a4(browser: Browser, address: str) -> None:
    sides = _printed(browser, address, "/patients/p/respect/print")
    assert len(sides) == 2
    for side in sides:
        for words in (
            "PENHALLOW, Morwenna (Mrs)",
            "11-Feb-1938",
            "999 000 0018",
            "Plan in force",
            "A newer plan may exist.",
            "Printed",
            "version 1 of plan whole",
        ):
            assert words in side
    assert "CPR attempts are NOT recommended" in sides[0]


def test_a_long_plan_loses_nothing_and_says_whose_it_is_on_every_side(browser: Browser, address: str) -> None:
    sides = _printed(browser, address, "/patients/q/respect/print")
    assert len(sides) > 2
    assert " ".join(sides).count("antibiotics by mouth") == 80
    for side in sides:
        assert "FEATHERSTONEHAUGH-CHOLMONDELEY" in side
        assert "999 000 0018" in side
        assert "A newer plan may exist." in side


def test_what_is_superseded_says_so_on_both_sides(browser: Browser, address: str) -> None:
    for side in _printed(browser, address, "/patients/p/respect/old/print"):
        assert "SUPERSEDED" in side.upper()
        assert "Plan in force" not in side
