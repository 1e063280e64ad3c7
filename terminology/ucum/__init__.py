"""UCUM, the units of measure: codes are parsed, values brought into base units, exactly. https://ucum.org/ucum

`essence.py` reads the units, `parsing.py` a code, `conversion.py` says what a value is in base units.
"""

from terminology.ucum.conversion import canonical, convert
from terminology.ucum.parsing import UcumError, parse

__all__ = ["UcumError", "canonical", "convert", "parse"]
