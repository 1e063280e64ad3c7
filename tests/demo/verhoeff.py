"""The check digit of SNOMED CT identifiers."""


def _dihedral(a: int, b: int) -> int:
    """The product in the dihedral group of order ten, on which Verhoeff's check digit rests."""
    if a < 5:
        return (a + b) % 5 if b < 5 else 5 + (a + b - 5) % 5
    return 5 + (a - 5 - b) % 5 if b < 5 else (a - b) % 5


def verhoeff_is_valid(number: str) -> bool:
    """Whether the last digit of a SNOMED CT identifier fits the others (J. Verhoeff, 1969)."""
    permutation = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)
    check = 0
    for place, digit in enumerate(reversed(number)):
        value = int(digit)
        for _ in range(place % 8):
            value = permutation[value]
        check = _dihedral(check, value)
    return check == 0
