from pathlib import Path

import pytest

from fhir_server.bench.page import MarkMissing, replace_between, table, write_between

PAGE = "# Speed\n\nBefore.\n\n<!-- bench:begin -->\nold\n<!-- bench:end -->\n\nAfter.\n"


def test_only_what_stands_between_the_marks_changes() -> None:
    new = replace_between(PAGE, "bench", "\nnew figures\n\n")
    assert new == PAGE.replace("old", "new figures")
    assert replace_between(new, "bench", "old") == PAGE


@pytest.mark.parametrize("text", ["", "<!-- bench:begin -->", "<!-- bench:end --><!-- bench:begin -->"])
def test_a_page_without_the_marks_stays_as_it_is(tmp_path: Path, text: str) -> None:
    page = tmp_path / "performance.md"
    page.write_text(text, encoding="utf-8")
    with pytest.raises(MarkMissing):
        write_between(page, "bench", "new")
    assert page.read_text(encoding="utf-8") == text


def test_a_table() -> None:
    assert table(["what", "p99"], [["read", "1.2"]]) == "| what | p99 |\n|---|---:|\n| read | 1.2 |"
