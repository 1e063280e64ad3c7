"""The artefacts of our implementation guide, as they lie in the folders of this package."""

import json
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

_FOLDERS = ("code_systems", "structure_definitions", "questionnaires")


def artefacts() -> Iterator[dict[str, Any]]:
    """Every artefact, what others refer to first; ids and canonical URLs end in the same name."""
    for folder in _FOLDERS:
        for file in sorted(files("profiles").joinpath(folder).iterdir(), key=lambda found: found.name):
            if file.name.endswith(".json"):
                yield json.loads(file.read_text("utf-8"))
