"""The pictures of the README: `make pictures`. The people on them are made up."""

import subprocess
import tempfile
import time
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from fhir_server.bench.server import command, free_port
from tests.web.browser import CHROMIUM, browsing

ROOT = Path(__file__).resolve().parents[2]
PICTURES = ROOT / "docs" / "pictures"
TAKEN = {
    "residents": "/organizations/demo1-home-a",
    "respect-plan": "/patients/demo1-0001/respect",
}
_SCREEN = {"width": 768, "height": 1024}
_PATIENCE_SECONDS = 120


def main() -> None:
    """Start a demo on a folder of its own, look at two pages, write two pictures."""
    if CHROMIUM is None:
        raise SystemExit("Chromium is needed. On Debian: apt-get install chromium")
    PICTURES.mkdir(parents=True, exist_ok=True)
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        arguments = [str(command()), "demo", "--data", f"{folder}/demo", "--port", str(port)]
        with subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as demo:
            try:
                _wait(f"http://127.0.0.1:{port}/health/ready", demo)
                with browsing() as browser:
                    page = browser.new_page(viewport={"width": _SCREEN["width"], "height": _SCREEN["height"]})
                    for name, path in TAKEN.items():
                        page.goto(f"http://127.0.0.1:{port}{path}", wait_until="networkidle")
                        page.screenshot(path=PICTURES / f"{name}.png")
            finally:
                demo.terminate()


def _wait(address: str, demo: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + _PATIENCE_SECONDS
    while demo.poll() is None and time.monotonic() < until:
        try:
            with urlopen(address, timeout=2):
                return
        except (URLError, OSError):
            time.sleep(0.2)
    raise SystemExit("the demo did not start")


if __name__ == "__main__":
    main()
