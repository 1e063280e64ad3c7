"""A short run against a real server, with itself as the peer, by the values that the command makes."""

import json
from pathlib import Path

import pytest

from fhir_server.bench.run import DONE, REFUSED
from fhir_server.bench.search.queries import QUERIES
from fhir_server.bench.search.run import SearchOptions, run_search_bench
from fhir_server.bench.server import RunningServer

pytestmark = pytest.mark.xdist_group("bench")

PAGE = "<!-- bench-search:begin -->\n<!-- bench-search:end -->"


def options(folder: Path, page: Path | None = None, peer: str | None = None) -> SearchOptions:
    return SearchOptions((3000,), 1, 0.2, 0.05, folder, peer, page)


def test_every_figure_is_taken_and_a_peer_finds_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "performance.md"
    page.write_text(PAGE, encoding="utf-8")
    with RunningServer(tmp_path / "peer.db", 1, tmp_path / "peer.log") as peer:
        done = run_search_bench(options(tmp_path / "bench", page, f"{peer.address}/fhir"), "json")
    captured = capsys.readouterr()
    assert done == DONE, captured.err
    figures = json.loads(captured.out)
    (size,) = figures["sizes"]
    assert size["resources"] >= 3000
    assert [code for code, _ in size["rows"]] == [query.code for query in QUERIES]
    assert [row["fault"] for _, row in size["rows"]] == [None] * len(QUERIES)
    assert size["deep"]["pages"] > 20
    assert 0 < size["disk"]["index"] < size["disk"]["bodies"]
    assert size["load"][-1][0] == size["resources"]
    compared = figures["peer"]["comparisons"]
    assert [each["code"] for each in compared] == [query.code for query in QUERIES if query.same]
    assert [(each["asked"], each["difference"]) for each in compared] == [(each["same"], None) for each in compared]
    text = page.read_text(encoding="utf-8")
    assert all(query.title in text for query in QUERIES)
    again = run_search_bench(options(tmp_path / "bench"), "json")
    assert again == DONE
    assert json.loads(capsys.readouterr().out)["sizes"][0]["load"] == []


def test_a_peer_that_does_not_answer_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    done = run_search_bench(options(tmp_path, peer="http://127.0.0.1:9/fhir"), "text")
    assert done == REFUSED
    assert "Could not measure" in capsys.readouterr().err
