"""Values of a query taken apart. https://hl7.org/fhir/R4/search.html#escaping"""

SPECIAL = ",$|\\"


def split(text: str, separator: str) -> list[str]:
    """The parts between separators that no backslash stands before; escapes stay."""
    parts, escaped = [""], False
    for character in text:
        if character == separator and not escaped:
            parts.append("")
        else:
            parts[-1] += character
        escaped = character == "\\" and not escaped
    return parts


def unescaped(text: str) -> str:
    """The text that is meant: a backslash is taken off where it stands before a special character."""
    plain, rest = "", text
    while rest:
        if rest[0] == "\\" and rest[1:2] and rest[1] in SPECIAL:
            rest = rest[1:]
        plain, rest = plain + rest[0], rest[1:]
    return plain


def escaped(text: str) -> str:
    """The text as it stands in a query."""
    return "".join(f"\\{each}" if each in SPECIAL else each for each in text)
