"""How fast GP records become R4, and what memory that takes: no HTTP, no store.

Runs as `python -m fhir_server.bench.mapping COUNT` in a process of its own, so that its memory is its own, and writes
the figures to standard output (JSON). Linux only, like the other figures.
"""

import os
import subprocess
import sys
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from time import perf_counter

import msgspec

from fhir_server.demo import gp_documents
from fhir_server.model.json import dump
from mappers.gp_connect import GP_CONNECT
from mappers.mapper import ReadOptions

_DAY = date(2026, 3, 31)
_SEED = 1


@dataclass(frozen=True, slots=True)
class MappingFigures:
    """Records (each of another person) that were mapped, resources that came out, the seconds that took, and resident
    memory in MiB after a tenth of the records and after all."""

    records: int
    resources: int
    seconds: float
    memory_early_mib: float
    memory_late_mib: float

    @property
    def rate(self) -> float:
        """Resources a second."""
        return self.resources / self.seconds


def mapped_records(count: int) -> MappingFigures:
    """Map so many records in a process of its own. Raises `subprocess.SubprocessError`."""
    command = [sys.executable, "-m", "fhir_server.bench.mapping", str(count)]
    done = subprocess.run(command, capture_output=True, check=True)
    return msgspec.json.decode(done.stdout, type=MappingFigures)


def _measure(count: int) -> MappingFigures:
    """Only the mapping is timed: STU3 check, mapping and R4 validation, not the making of the documents."""
    spent, resources, early = 0.0, 0, 0.0
    for number, document in enumerate(gp_documents(_SEED, count, _DAY), 1):
        raw = dump(document)
        began = perf_counter()
        resources += len(GP_CONNECT.read(raw, ReadOptions()).mapped({}).resources)
        spent += perf_counter() - began
        if number == max(count // 10, 1):
            early = _memory_mib()
    return MappingFigures(count, resources, spent, early, _memory_mib())


def _memory_mib() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return float(pages * os.sysconf("SC_PAGE_SIZE") / 2**20)


if __name__ == "__main__":
    sys.stdout.buffer.write(msgspec.json.encode(_measure(int(sys.argv[1]))))
