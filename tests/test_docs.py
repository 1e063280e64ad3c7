"""What exists has its place in the documents, links lead somewhere, and no file names what only one machine has."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"


def _text(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


NOT_OURS = {".git", ".venv", "build", "dist", "demo-data", "node_modules", "__pycache__", ".hypothesis"}


def _files() -> list[Path]:
    """Every file that is or would be committed; outside a repository, every file that is not known to be made here."""
    command = ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode == 0:
        names = [ROOT / name for name in listed.stdout.split("\0") if name]
    else:
        names = [path for path in ROOT.rglob("*") if not NOT_OURS & set(path.relative_to(ROOT).parts[:-1])]
        names = [path for path in names if not any(part.endswith(("_cache", ".egg-info")) for part in path.parts)]
    return [path for path in names if path.is_file()]


def test_every_setting_has_its_line() -> None:
    from fhir_server.settings import Settings

    names = {f"FHIR_{name.upper()}" for name in Settings.model_fields}
    lines = [line for line in _text("settings.md").splitlines() if line.startswith("|")]
    assert {name for name in names if not any(f"`{name}`" in line for line in lines)} == set()
    described = {name for line in lines for name in re.findall(r"^\| *`(FHIR_[A-Z_]+)`", line)}
    assert described - names - {"FHIR_CONFIG"} == set(), "described, but not a setting"


def test_every_setting_says_in_a_sentence_what_it_does() -> None:
    from fhir_server.settings import Settings

    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


def test_every_interaction_has_its_heading() -> None:
    from fhir_server.interactions import INTERACTIONS

    headings = {
        word
        for line in _text("interactions.md").splitlines()
        if line.startswith("#")
        for word in re.findall(r"[a-z-]+", line.lower())
    }
    assert {interaction.code for interaction in INTERACTIONS} - headings == set()


def test_every_operation_has_its_heading() -> None:
    from fhir_server.operations import OPERATIONS

    headings = {line.lstrip("#").strip() for line in _text("operations.md").splitlines() if line.startswith("#")}
    assert {operation.name for operation in OPERATIONS} - headings == set()


def _commands(command: object, name: str) -> Iterator[str]:
    """The full names of the commands below this one; only a group has `commands`."""
    inner: dict[str, object] | None = getattr(command, "commands", None)
    if inner is None:
        yield name
    for word, below in (inner or {}).items():
        yield from _commands(below, f"{name} {word}")


def test_every_command_has_its_place() -> None:
    import typer

    from fhir_server.cli.commands import app

    commands = set(_commands(typer.main.get_command(app), "fhir-server"))
    text = _text("cli.md")
    assert "fhir-server serve" in commands
    assert {command for command in commands if command not in text} == set()


LINK = re.compile(r"\]\(<?([^)\s>]+)>?(?: \"[^\"]*\")?\)", re.ASCII)


def _headings(text: str) -> set[str]:
    """The anchors of a document's headings, as the usual viewers make them."""
    titles = re.findall(r"^#{1,6} +(.+?) *#*$", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S), flags=re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


def test_links_between_documents_lead_somewhere() -> None:
    broken = []
    for page in (path for path in _files() if path.suffix == ".md"):
        for link in LINK.findall(page.read_text(encoding="utf-8")):
            if re.match(r"[a-z][a-z0-9+.-]*:", link):
                continue
            address, _, anchor = link.partition("#")
            target = (page.parent / unquote(address)).resolve() if address else page
            if not target.exists():
                broken.append(f"{page.relative_to(ROOT)}: {link}")
            elif anchor and target.suffix == ".md" and anchor not in _headings(target.read_text(encoding="utf-8")):
                broken.append(f"{page.relative_to(ROOT)}: {link} (no such heading)")
    assert broken == []


def test_decisions_are_numbered_without_gaps() -> None:
    names = sorted(path.name for path in (DOCS / "decisions").glob("*.md") if path.name[0].isdigit())
    assert all(re.fullmatch(r"\d{4}-[a-z0-9-]+\.md", name) for name in names), names
    assert [int(name[:4]) for name in names] == list(range(1, len(names) + 1))
    for name in names:
        assert _text(f"decisions/{name}").startswith(f"# {name[:4]}. "), f"{name} does not open with its number"


# Written in parts, so that this file does not name them either.
REGISTRIES = ["py" + "pi.org", "pythonhosted" + ".org", "npm" + "js.org", "crates" + ".io", "golang" + ".org"]
REGISTRIES += ["debian" + ".org", "maven" + ".org"]
MACHINE_PATHS = re.compile(r"(?<![\w.\-/])/(?:" + "wo" + r"rk|ro" + r"ot|ho" + r"me)/[\w.]", re.ASCII)


@pytest.mark.parametrize("fault", ["registry", "path"])
def test_no_file_names_a_registry_or_a_machine(fault: str) -> None:
    found = []
    for path in _files():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        hits = [host for host in REGISTRIES if host in text] if fault == "registry" else MACHINE_PATHS.findall(text)
        found += [f"{path.relative_to(ROOT)}: {hit}" for hit in hits]
    assert found == []


def test_the_machine_path_is_recognised() -> None:
    assert MACHINE_PATHS.search('open("/ho' + 'me/someone/file")')
    assert not MACHINE_PATHS.search("http://host.example/wo" + "rk/flow")
