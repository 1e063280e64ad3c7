"""An unexpected exception as a line for the log: its kind and the places in the code, never its message or a value.

Messages of exceptions quote what they stumbled over, and that may be a patient's.
"""

from traceback import extract_tb


def described(error: BaseException) -> str:
    """`KeyError at read.py:21 < pipeline.py:70`, the innermost place first; with the kind of its cause, if any."""
    frames = reversed(extract_tb(error.__traceback__))
    places = " < ".join(f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno}" for frame in frames)
    cause = f" (from {type(error.__cause__).__name__})" if error.__cause__ is not None else ""
    return f"{type(error).__name__}{cause} at {places or 'an unknown place'}"
