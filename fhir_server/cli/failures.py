"""What went wrong, as one clear line and an exit code; never a stack trace."""

import os
import sys
import traceback
from typing import NoReturn

from fhir_server.outcome import FhirError
from fhir_server.settings import SettingsFault

FOUND_WRONG = 1
UNSAFE = 3


def fail(sentence: str, code: int = FOUND_WRONG) -> NoReturn:
    """Say what went wrong on stderr and leave with this exit code."""
    say(sentence)
    raise SystemExit(code)


def say(sentence: str) -> None:
    """A line on stderr."""
    sys.stderr.write(f"fhir-server: {sentence}\n")


def exit_code_of(error: Exception) -> int:
    """Print the line that belongs to an error; its exit code. `FHIR_TEST_TRACE=1` adds the stack, for developers."""
    from fhir_server.store.migration.contract import MigrationRefused
    from fhir_server.store.open import RestoreRefused, StoreRefused

    if os.environ.get("FHIR_TEST_TRACE") == "1":
        traceback.print_exception(error)
    if isinstance(error, SettingsFault):
        for fault in error.faults:
            say(f"setting {fault}")
        say("nothing was started; docs/settings.md lists the settings")
        return UNSAFE
    if isinstance(error, StoreRefused):
        say(str(error))
        return FOUND_WRONG if isinstance(error, MigrationRefused | RestoreRefused) else UNSAFE
    if isinstance(error, FhirError):
        say("; ".join(issue.diagnostics for issue in error.issues))
    elif isinstance(error, OSError):
        say(f"{error.strerror or type(error).__name__}{f': {error.filename}' if error.filename else ''}")
    elif isinstance(error, ValueError):
        say(str(error))
    else:
        say(f"an unexpected fault ({type(error).__name__}); run again with FHIR_TEST_TRACE=1 and report it")
    return FOUND_WRONG
