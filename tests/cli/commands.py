"""The `fhir-server` command run as a person would, in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path


def fhir_server(*arguments: str | Path, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command in `folder`, with no other FHIR_ variables than those given."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("FHIR_")}
    return subprocess.run(
        [sys.executable, "-c", "from fhir_server.cli import main; main()", *map(str, arguments)],
        cwd=folder,
        env=clean | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
