"""The files that pages need: our own in `static/`, those of the NHS.UK frontend in `assets/`, where `make assets` puts
them (they are not part of this repository). Nothing is loaded from elsewhere."""

from pathlib import Path

from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

_HERE = Path(__file__).parent
STATIC, ASSETS = _HERE / "static", _HERE / "assets"
STYLESHEET = ASSETS / "nhsuk-frontend.min.css"


class _Kept(StaticFiles):
    """Files that browsers may keep for a day; what changes has another query in its address."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "public, max-age=86400"
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response


def asset_mounts() -> list[tuple[str, StaticFiles]]:
    """Where the files are mounted. A folder that is not there answers 404."""
    return [("/static", _Kept(directory=STATIC)), ("/assets", _Kept(directory=ASSETS, check_dir=False))]


def are_there() -> bool:
    """Whether the NHS.UK frontend was brought; without it pages are plain, and say the same."""
    return STYLESHEET.exists()
