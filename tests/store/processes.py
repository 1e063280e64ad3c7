"""Starting and stopping the processes of `child.py`."""

import subprocess
import sys
from pathlib import Path

from tests.public_data import ROOT


def start(mode: str, url: str, name: str, number: int, heads: Path | None = None) -> subprocess.Popen[str]:
    """A process that uses the store at `url`; it has opened it when this returns."""
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.store.child", mode, url, name, str(number), str(heads or "")],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "open\n"
    return child


def finished(child: subprocess.Popen[str]) -> list[str]:
    """The lines that a process wrote before it ended by itself, without a fault."""
    lines, _ = child.communicate(timeout=60)
    assert child.returncode == 0
    return lines.splitlines()


def killed(child: subprocess.Popen[str], after: int) -> list[str]:
    """The whole lines that a process had written when it was killed, which was after so many of them."""
    assert child.stdout is not None
    first = "".join(child.stdout.readline() for _ in range(after))
    child.kill()
    text, _ = child.communicate(timeout=60)
    text = first + text
    return text[: text.rfind("\n") + 1].splitlines()
