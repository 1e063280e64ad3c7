"""Health routes and the home page."""

from pathlib import Path

import httpx
import pytest

from fhir_server.app import create_app
from fhir_server.settings import Settings
from tests.running import Client, patient

ROOT = "http://127.0.0.1:8080"


async def test_live_and_ready_say_one_word(fhir: Client) -> None:
    live = await fhir.http.get(f"{ROOT}/health/live")
    ready = await fhir.http.get(f"{ROOT}/health/ready")
    assert (live.status_code, live.text, ready.status_code, ready.text) == (200, "live\n", 200, "ready\n")


async def test_not_ready_while_stopping(tmp_path: Path) -> None:
    stopping = False
    app = create_app(Settings(store=f"sqlite:///{tmp_path / 'store.db'}", auth="off"), draining=lambda: stopping)
    transport = httpx.ASGITransport(app)
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url=ROOT) as http:
        assert (await http.get("/health/ready")).status_code == 200
        stopping = True
        answer = await http.get("/health/ready")
        assert (answer.status_code, answer.text) == (503, "stopping\n")
        assert (await http.get("/fhir/metadata")).status_code == 200


async def test_the_page_about_the_server_counts_what_is_there(fhir: Client) -> None:
    await fhir.put(patient("p"))
    answer = await fhir.http.get(f"{ROOT}/about")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert "http://127.0.0.1:8080/fhir" in answer.text
    assert "Patient" in answer.text


@pytest.mark.parametrize("settings", [{"auth": "on"}, {"auth": "off", "host": "0.0.0.0"}])
def test_unsafe_settings_make_no_application(tmp_path: Path, settings: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="auth="):
        create_app(Settings(**{"store": f"sqlite:///{tmp_path / 'store.db'}", **settings}))


async def test_pages_and_health_answer_to_this_machines_names_only(fhir: Client) -> None:
    for path in ("/", "/health/live", "/health/ready", "/nothing"):
        assert (await fhir.http.get(f"{ROOT}{path}", headers={"host": "evil.example"})).status_code == 403
        assert (await fhir.http.get(f"{ROOT}{path}", headers={"host": "localhost:8080"})).status_code in (200, 404)


async def test_no_description_and_no_redirect_is_given_away(fhir: Client) -> None:
    for path in ("/openapi.json", "/docs", "/redoc", "/health/live/"):
        assert (await fhir.http.get(f"{ROOT}{path}")).status_code == 404
