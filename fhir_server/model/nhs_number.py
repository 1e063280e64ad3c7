"""NHS numbers. https://www.datadictionary.nhs.uk/attributes/nhs_number.html"""

NHS_NUMBER = "https://fhir.nhs.uk/Id/nhs-number"
"""The identifier system of NHS numbers."""


def is_valid(number: str) -> bool:
    """Whether these are ten digits of which the last is the right check digit (modulus 11)."""
    if len(number) != 10 or not number.isascii() or not number.isdigit():
        return False
    total = sum(int(digit) * weight for digit, weight in zip(number, range(10, 1, -1), strict=False))
    return (11 - total % 11) % 11 == int(number[9])
