"""The page at `/about`: what this server is, its FHIR base address, the three commands, what is stored, who may ask."""

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from fhir_server.web.commands import Command


@dataclass(frozen=True, slots=True)
class AboutPage:
    """What the page says. `counts` are current resources by type; `demo` that all of them are made up; `auth` whether
    callers sign in; `base_url` is the FHIR base address."""

    base_url: str
    counts: Mapping[str, int]
    commands: tuple[Command, ...]
    demo: bool
    auth: bool
    version: str


_STYLE = files("fhir_server.web").joinpath("about.css").read_text("utf-8")
_TEMPLATE = Environment(
    loader=PackageLoader("fhir_server.web", "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    auto_reload=False,
).get_template("about.html")

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    f"style-src 'sha256-{b64encode(sha256(_STYLE.encode()).digest()).decode()}'"
)
"""The header to send with the page: it allows the page's own style sheet and nothing else."""


def about_page(page: AboutPage) -> bytes:
    """The page as HTML in UTF-8. Everything that it is given is escaped."""
    counts = sorted(page.counts.items())
    return _TEMPLATE.render(page=page, counts=counts, total=sum(page.counts.values()), style=Markup(_STYLE)).encode()
