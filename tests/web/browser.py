"""A real server and a real browser: Debian's Chromium, driven by Playwright. Skips, saying so, where there is none."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
from playwright.sync_api import Browser, sync_playwright

from fhir_server.bench.server import RunningServer

CHROMIUM = shutil.which("chromium")
_OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def needs_chromium() -> None:
    """Skip the module where there is no browser."""
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed (Debian: apt-get install chromium)", allow_module_level=True)


@contextmanager
def browsing() -> Iterator[Browser]:
    """A headless browser."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=_OPTIONS)
        yield browser
        browser.close()


@contextmanager
def serving(folder: Path, *resources: dict[str, Any]) -> Iterator[str]:
    """The address of a server that holds these resources (written in one transaction, under their ids)."""
    with RunningServer(folder / "record.sqlite", 1, folder / "server.log") as server:
        entries = [
            {"resource": one, "request": {"method": "PUT", "url": f"{one['resourceType']}/{one['id']}"}}
            for one in resources
        ]
        bundle = json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": entries}).encode()
        request = Request(f"{server.address}/fhir", bundle, {"Content-Type": "application/fhir+json"})
        with urlopen(request, timeout=30) as answer:
            assert answer.status == 200
        yield server.address
