"""The direction of imports, the sizes and the names, held as lists. ARCHITECTURE.md says why."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("fhir_server", "auth", "profiles", "mappers", "terminology")

# From the outside to the ground. A module may import what stands in a later layer, and its own part; two parts of one
# layer do not know each other. A part is a package or a module; the longest name that fits a module is its part.
LAYERS: tuple[tuple[str, ...], ...] = (
    ("fhir_server.cli",),
    ("fhir_server.bench",),
    ("fhir_server.demo",),
    ("fhir_server.serving",),
    ("fhir_server.app",),
    ("fhir_server.api", "fhir_server.web"),
    ("fhir_server.indexing", "fhir_server.commit_rules"),
    ("fhir_server.index_rules",),
    ("fhir_server.pipeline",),
    ("auth",),
    ("fhir_server.routes", "fhir_server.reindexing"),
    ("fhir_server.operations",),
    ("fhir_server.interactions",),
    ("fhir_server.respect",),
    ("fhir_server.audit",),
    ("mappers",),
    ("fhir_server.search", "fhir_server.validation", "fhir_server.patch"),
    ("profiles",),
    ("fhir_server.fhirpath",),
    ("terminology",),
    ("fhir_server.model",),
    ("fhir_server.definitions",),
    ("fhir_server.request",),
    ("fhir_server.store.open",),
    ("fhir_server.store.sqlite", "fhir_server.store.mongodb"),
    ("fhir_server.store",),
    ("fhir_server.settings", "fhir_server.random_ids", "fhir_server.fault"),
    ("fhir_server.outcome",),
    ("fhir_server",),
)

# Imports that a later layer would allow and that are refused all the same: who alone may know this part.
ONLY_FROM: dict[str, tuple[str, ...]] = {
    "fhir_server.store.sqlite": ("fhir_server.store.open",),
    "fhir_server.store.mongodb": ("fhir_server.store.open",),
    "fhir_server.store.open": ("fhir_server.app", "fhir_server.cli", "fhir_server.bench"),
    "fhir_server.app": ("fhir_server.serving", "fhir_server.cli"),
    "fhir_server.cli": (),
}

# The web framework and the HTTP server stay above the pipeline; the database driver stays in its store.
OUTSIDE: dict[str, tuple[str, ...]] = {
    "fastapi": ("fhir_server.app", "fhir_server.api", "fhir_server.web", "auth"),
    "starlette": ("fhir_server.app", "fhir_server.api", "fhir_server.web", "auth"),
    "granian": ("fhir_server.serving",),
    "uvicorn": (),
    "typer": ("fhir_server.cli",),
    "apsw": ("fhir_server.store.sqlite", "fhir_server.bench"),
    "pymongo": ("fhir_server.store.mongodb", "fhir_server.bench"),
    "bson": ("fhir_server.store.mongodb",),
    "lxml": ("fhir_server.patch",),
    "fhir": ("fhir_server.bench", "mappers"),
}

MODULE_LINES = 500
TEST_MODULE_LINES = 1000
FUNCTION_LINES = 60
# "module" or "module:function" -> why it may be longer.
LONGER: dict[str, str] = {}

CLASS_ENDINGS = ("Manager", "Helper", "Processor", "Service")
FILE_NAMES = {"utils", "util", "common", "helpers", "helper", "constants", "base", "misc"}


def _name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _sources(*folders: str) -> dict[str, Path]:
    return {_name(path): path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))}


MODULES = _sources(*PACKAGES)
TREES = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in MODULES.items()}


def _part(module: str) -> tuple[int, str]:
    """The layer and the part of a module; the root package itself is a part, and no home for unlisted modules."""
    fitting = [
        (len(part), layer, part)
        for layer, parts in enumerate(LAYERS)
        for part in parts
        if module == part or (part != "fhir_server" and module.startswith(part + "."))
    ]
    if not fitting:
        raise AssertionError(f"{module} stands in no layer: add it to LAYERS")
    _, layer, part = max(fitting)
    return layer, part


def _imports(module: str, tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Every module that is imported anywhere in the file, also inside functions and for types only, with its line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            origin = node.module or ""
            if node.level:
                package = module.split(".") if MODULES[module].stem == "__init__" else module.split(".")[:-1]
                kept = package[: len(package) - node.level + 1]
                origin = ".".join([*kept, origin] if origin else kept)
            for alias in node.names:
                inner = f"{origin}.{alias.name}"
                yield (inner if inner in MODULES else origin), node.lineno


def _within(module: str, parts: tuple[str, ...]) -> bool:
    return any(module == part or module.startswith(part + ".") for part in parts)


def test_imports_point_one_way() -> None:
    wrong = []
    for module, tree in TREES.items():
        layer, part = _part(module)
        for imported, line in _imports(module, tree):
            if imported.split(".")[0] not in PACKAGES:
                continue
            other_layer, other = _part(imported)
            if other != part and other_layer <= layer:
                wrong.append(f"{MODULES[module].relative_to(ROOT)}:{line} ({part}) imports {imported} ({other})")
    assert wrong == []


def test_what_only_few_may_know() -> None:
    wrong = []
    for module, tree in TREES.items():
        _, part = _part(module)
        for imported, line in _imports(module, tree):
            if imported.split(".")[0] not in PACKAGES:
                continue
            _, other = _part(imported)
            if other != part and other in ONLY_FROM and part not in ONLY_FROM[other]:
                wrong.append(f"{MODULES[module].relative_to(ROOT)}:{line} imports {imported}")
    assert wrong == []


def test_frameworks_and_drivers_stay_in_their_places() -> None:
    wrong = []
    for module, tree in TREES.items():
        for imported, line in _imports(module, tree):
            package = imported.split(".")[0]
            if package in OUTSIDE and not _within(module, OUTSIDE[package]):
                wrong.append(f"{MODULES[module].relative_to(ROOT)}:{line} imports {package}")
    assert wrong == []


def test_every_layer_is_found_in_order() -> None:
    assert _part("fhir_server.store.sqlite.writer")[1] == "fhir_server.store.sqlite"
    assert _part("fhir_server.store.values")[1] == "fhir_server.store"
    assert _part("fhir_server")[1] == "fhir_server"
    with pytest.raises(AssertionError, match="stands in no layer"):
        _part("fhir_server.somewhere")


def _functions(tree: ast.Module) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, (node.end_lineno or node.lineno) - node.lineno + 1


def test_sizes() -> None:
    tests = _sources("tests")
    lines = {name: len(path.read_text(encoding="utf-8").splitlines()) for name, path in (MODULES | tests).items()}
    long = {name for name, count in lines.items() if count > (TEST_MODULE_LINES if name in tests else MODULE_LINES)}
    for name, tree in TREES.items():
        long |= {f"{name}:{function}" for function, count in _functions(tree) if count > FUNCTION_LINES}
    assert long == set(LONGER), "too long, or listed in LONGER without need"
    assert all(LONGER.values()), "an exception needs its reason"


def test_names() -> None:
    wrong = [name for name in MODULES if name.split(".")[-1].strip("_") in FILE_NAMES]
    for name, tree in TREES.items():
        wrong += [
            f"{name}:{node.name}"
            for node in ast.walk(tree)
            if isinstance(node, ast.ClassDef) and node.name.endswith(CLASS_ENDINGS)
        ]
    assert wrong == []


def test_nothing_is_printed_outside_the_command_line() -> None:
    wrong = [
        f"{MODULES[name].relative_to(ROOT)}:{node.lineno}"
        for name, tree in TREES.items()
        if not _within(name, ("fhir_server.cli",))
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]
    assert wrong == []


def test_every_package_says_what_it_is_for() -> None:
    packages = {path.parent for path in MODULES.values()}
    missing = [
        str(folder.relative_to(ROOT))
        for folder in sorted(packages)
        if not (folder / "__init__.py").exists() or not ast.get_docstring(TREES[_name(folder / "__init__.py")])
    ]
    assert missing == []


def test_every_module_and_public_name_has_a_docstring() -> None:
    """A function of one statement may leave it to its name and types."""
    missing = []
    for name, tree in TREES.items():
        if not ast.get_docstring(tree):
            missing.append(name)
        missing += [
            f"{name}:{node.name}"
            for node in tree.body
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
            and not node.name.startswith("_")
            and not ast.get_docstring(node)
            and not (isinstance(node, ast.FunctionDef) and len(node.body) == 1)
        ]
    assert missing == []


def test_every_interaction_file_is_in_the_registry() -> None:
    """A file that declares an interaction or operation (a module-level call that is named after its kind) is listed."""
    for package, kind in (("interactions", "Interaction"), ("operations", "Operation")):
        registry = TREES.get(f"fhir_server.{package}")
        if registry is None:
            continue
        listed = {name for name, _ in _imports(f"fhir_server.{package}", registry)}
        declaring = {
            name
            for name, tree in TREES.items()
            if name.startswith(f"fhir_server.{package}.")
            for node in tree.body
            if isinstance(node, ast.Assign | ast.AnnAssign)
            and isinstance(node.value, ast.Call)
            and isinstance(node.value.func, ast.Name)
            and node.value.func.id == kind
        }
        assert declaring <= listed, f"declared, but not in fhir_server/{package}/__init__.py"
