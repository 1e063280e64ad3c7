"""What every page says, whatever it is about."""

from typing import Any
from zoneinfo import ZoneInfo

import pytest

from fhir_server.web.rendering import Pages

SHOWN: dict[str, Any] = {"person": {"name": "N"}, "nothing": {"words": "W"}, "rows": [], "shown": 0, "total": 0}


@pytest.mark.parametrize("demo", [True, False])
@pytest.mark.parametrize("template", ["home.html", "organization.html", "plan.html", "fault.html"])
def test_made_up_people_are_said_to_be_made_up_on_every_page(template: str, demo: bool) -> None:
    page = Pages(ZoneInfo("Europe/London"), demo=demo).page(template, **SHOWN)
    assert (b"everybody here is made up" in page.body) is demo
    assert b"Not for use with real people" in page.body
