"""Measuring `fhir-server load`: a file of single resources into the store of a running server."""

import os
import subprocess
from pathlib import Path
from time import perf_counter

from fhir_server.bench import records
from fhir_server.bench.row import Row
from fhir_server.bench.server import RunningServer, command

LIMIT_SECONDS = 120.0


def load_file(server: RunningServer, folder: Path, patients: tuple[str, ...], count: int, workers: int) -> Row:
    """Load an NDJSON file of `count` Observations by the command, whose own start is part of the time.

    Raises `subprocess.TimeoutExpired` after two minutes.
    """
    file = folder / f"{workers}-workers.ndjson"
    lines = [
        records.as_bytes(records.blood_pressure(number, patients[number % len(patients)], "From a file."))
        for number in range(count)
    ]
    file.write_bytes(b"\n".join(lines) + b"\n")
    arguments = [str(command()), "load", str(file), "--store", server.store_url, "--format", "json"]
    began = perf_counter()
    done = subprocess.run(
        arguments,
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS,
        check=False,
        env={**os.environ, **dict(server.settings)},
    )
    seconds = perf_counter() - began
    fault = None if done.returncode == 0 else f"exit code {done.returncode}: {(done.stdout + done.stderr)[-600:]}"
    title = f"load of a file, {count:,} Observations, command included"
    return Row(title, workers, rate=count / seconds, resources=count / seconds, fault=fault)
