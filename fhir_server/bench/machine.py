"""What the figures were taken on. Without it a figure says nothing."""

import os
import platform
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter

import apsw

_SYNCS = 200


@dataclass(frozen=True, slots=True)
class Machine:
    """The machine: `fdatasync` is the median time (seconds) of making a small write durable where the store lies;
    `busy` its load average before the run (0: nothing else ran; figures of a busy machine are too low)."""

    processor: str
    cores: int
    memory_gib: float
    system: str
    python: str
    sqlite: str
    fdatasync: float
    busy: float

    def describe(self) -> str:
        """One sentence for people."""
        return (
            f"{self.cores} cores ({self.processor}), {self.memory_gib:.0f} GiB, {self.system}, Python {self.python}, "
            f"SQLite {self.sqlite}; fdatasync takes {self.fdatasync * 1000:.2f} ms where the store lies. Load average "
            f"before the run: {self.busy:.1f}."
        )


def look(folder: Path) -> Machine:
    """Describe this machine, and measure the disk that holds `folder`."""
    return Machine(
        processor=_processor(),
        cores=len(os.sched_getaffinity(0)),
        memory_gib=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30,
        system=f"{platform.system()} {platform.release().split('-')[0]}",
        python=platform.python_version(),
        sqlite=apsw.sqlite_lib_version(),
        fdatasync=_fdatasync(folder),
        busy=os.getloadavg()[0],
    )


def _processor() -> str:
    """The processor's own name where the system tells it, else its family."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _fdatasync(folder: Path) -> float:
    """The median time of one 4 KiB append with fdatasync, as a commit of the store costs at least."""
    times = []
    with tempfile.TemporaryFile(dir=folder) as file:
        for _ in range(_SYNCS):
            began = perf_counter()
            os.write(file.fileno(), b"x" * 4096)
            os.fdatasync(file.fileno())
            times.append(perf_counter() - began)
    return median(times)
