"""Writing figures into a document: what stands between two marks is replaced, all around it stays."""

from collections.abc import Sequence
from pathlib import Path


class MarkMissing(Exception):
    """The document has no place for these figures."""


def replace_between(text: str, name: str, figures: str) -> str:
    """The text with `figures` between `<!-- name:begin -->` and `<!-- name:end -->`. Raises `MarkMissing`."""
    begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    before, found_begin, rest = text.partition(begin)
    _, found_end, after = rest.partition(end)
    if not (found_begin and found_end):
        raise MarkMissing(f"the page has no {begin} followed by {end}")
    return f"{before}{begin}\n{figures.strip()}\n{end}{after}"


def write_between(page: Path, name: str, figures: str) -> None:
    """Replace the figures in a page. Raises `MarkMissing`, `OSError`; the page is then as it was."""
    text = replace_between(page.read_text(encoding="utf-8"), name, figures)
    page.write_text(text, encoding="utf-8")


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; all columns but the first stand right."""
    lines = ["| " + " | ".join(heads) + " |", "|" + "|".join(["---", *["---:"] * (len(heads) - 1)]) + "|"]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines)
