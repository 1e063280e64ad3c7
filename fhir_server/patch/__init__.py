"""Patches: one file for each format, each a pure function of a resource and a patch document.

`json_patch.py` (RFC 6902) and `fhirpath_patch.py` change a tree, which `tree.py` keeps findable; `xml_patch.py`
(RFC 5261) changes XML. None of them judges the result: whoever applies a patch reads and validates what came out.
Imports: `outcome`, `fhirpath`, `model`. To add a format: a module here, and its media type in `interactions/patch.py`.
"""

MAX_OPERATIONS = 1000
"""Operations that one patch may have, whatever its format."""
