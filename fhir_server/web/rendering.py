"""Pages made from templates: NHS.UK frontend's components, everything escaped, nothing from elsewhere.

https://design-system.nhs.uk; the macros are those of nhsuk-frontend-jinja.
"""

from datetime import datetime
from hashlib import sha256
from importlib.resources import files
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import ChainableUndefined, ChoiceLoader, Environment, PackageLoader
from starlette.responses import HTMLResponse

from fhir_server.web.person import day, moment

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'none'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Nothing from elsewhere, nothing inline."""
_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
}


def _stamp() -> str:
    """A mark of our own files, so that a browser asks again when they changed."""
    folder = files("fhir_server.web").joinpath("static")
    content = b"".join(sorted(one.read_bytes() for one in folder.iterdir() if one.is_file()))
    return sha256(content).hexdigest()[:12]


def _environment() -> Environment:
    # The macros of nhsuk-frontend-jinja look into parameters that were not given.
    environment = Environment(
        loader=ChoiceLoader(
            [PackageLoader("fhir_server.web", "templates"), PackageLoader("nhsuk_frontend_jinja", "templates")]
        ),
        autoescape=True,
        undefined=ChainableUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters["day"] = day
    environment.filters["moment"] = moment
    return environment


class Pages:
    """Renders templates. `demo`: the store holds made-up people, which every page says."""

    def __init__(self, timezone: ZoneInfo, *, demo: bool) -> None:
        self._environment = _environment()
        self._timezone = timezone
        self._shared = {"assets": _stamp(), "demo": demo}

    def now(self) -> datetime:
        """The time in the server's time zone."""
        return datetime.now(self._timezone)

    def page(self, template: str, status: int = 200, **content: Any) -> HTMLResponse:
        """A page, with the time at which it was made."""
        made = moment(self.now().isoformat())
        body = self._environment.get_template(template).render(**self._shared, made=made, **content)
        return HTMLResponse(body, status, headers=_HEADERS)
