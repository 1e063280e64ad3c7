"""The `fhir-server` command: one file per command, listed in `commands.py`.

Everything below may be imported; nothing imports this. A command prints its result to stdout and what went wrong as one
clear line to stderr. Exit codes: 0 done; 1 something was refused or found wrong; 2 wrong use; 3 unsafe or broken
settings. To add one: its file, a line in `commands.py`, a heading in docs/cli.md.
"""

import sys


def main() -> None:
    """The entry point: runs the command line and turns every failure into a line and an exit code."""
    try:
        from fhir_server.cli.commands import app
        from fhir_server.cli.failures import exit_code_of

        try:
            app(standalone_mode=True)
        except Exception as error:
            sys.exit(exit_code_of(error))
    except KeyboardInterrupt:  # also one that comes while all is still being loaded
        sys.exit(1)
