"""The limits on JSON that FHIR leaves to the server, in one place, with the sentences that name them."""

from decimal import Decimal

MAX_DEPTH = 100
MIN_INTEGER = -(2**63)
MAX_INTEGER = 2**64 - 1
MAX_DIGITS = 128
MAX_EXPONENT = 307

TOO_DEEP = f"Objects and arrays are nested more than {MAX_DEPTH} deep."
INTEGER_OUT_OF_RANGE = "The integer does not fit in 64 bits."
DECIMAL_OUT_OF_RANGE = (
    f"The decimal is out of range: at most {MAX_DIGITS} characters, magnitude between 1E-{MAX_EXPONENT} and"
    f" 1E+{MAX_EXPONENT}."
)


def is_integer_in_range(literal: str) -> bool:
    """Whether a JSON integer literal fits in 64 bits."""
    return len(literal) <= 20 and MIN_INTEGER <= int(literal) <= MAX_INTEGER


def is_decimal_in_range(literal: str, value: Decimal) -> bool:
    """Whether a decimal can be kept, and searched as a number of the machine."""
    return len(literal) <= MAX_DIGITS and abs(value.adjusted()) <= MAX_EXPONENT
