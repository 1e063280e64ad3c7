from fhir_server.bench.cost import Cost
from fhir_server.bench.machine import Machine
from fhir_server.bench.mapping import MappingFigures
from fhir_server.bench.report import Report, Start, cost_page, http_page, mapper_page
from fhir_server.bench.row import Row, row_of
from fhir_server.bench.traffic import Tally

MACHINE = Machine("a processor", 2, 24.0, "Linux 6.1", "3.11.7", "3.54.1", 0.00013, 0.04)

MAPPING = MappingFigures(1000, 73_000, 29.2, 118.4, 119.6)


def _report(*rows: Row) -> Report:
    costs = (Cost("Patient", 411, 35.21, 340.4), Cost("Observation", 2047, 41.0, None))
    return Report("2026-11-23", MACHINE, 4.0, 32, (Start(1, 0.912, (98.4, 20.1)),), rows, costs, MAPPING)


def test_the_http_page() -> None:
    report = _report(
        Row("read", 1, 12345.6, 12345.6, 2.041, 4.567),
        Row("read", 2, 15000.0, 15000.0, 1.5, 5.0),
        Row("transaction of 50", 1, 61.44, 3072.0, 130.0, 190.0),
        Row("load", 2, 80.0, 4000.0),
    )
    assert http_page(report) == (
        "2026-11-23, 2 cores (a processor), 24 GiB, Linux 6.1, Python 3.11.7, SQLite 3.54.1; fdatasync takes 0.13 ms "
        "where the store lies. Load average before the run: 0.0. "
        "The load generator runs on the same cores: one process, 32 connections, 4 s a row after "
        "a warm-up.\n\n"
        "| what | 1 worker: answers/s | median ms | p99 ms | 2 workers: answers/s | median ms | p99 ms |\n"
        "|---|---:|---:|---:|---:|---:|---:|\n"
        "| read | 12,346 | 2.04 | 4.57 | 15,000 | 1.50 | 5.00 |\n"
        "| transaction of 50 | 61.4 (3,072 resources) | 130.00 | 190.00 |  |  |  |\n"
        "| load |  |  |  | 80.0 (4,000 resources) |  |  |\n\n"
        "- 1 worker: ready 0.91 s after the command; resident memory of its processes then 98, 20 MiB.\n"
    )
    assert report.faults == []


def test_the_cost_page() -> None:
    assert cost_page(_report()) == (
        "| what (parse and check) | bytes | this server, µs | fhir.resources (R4B), µs |\n"
        "|---|---:|---:|---:|\n"
        "| Patient | 411 | 35.2 | 340 |\n"
        "| Observation | 2,047 | 41.0 | not installed |"
    )


def test_a_figure_with_wrong_answers_is_a_fault() -> None:
    tally = Tally("create", 90, 1.0, 0.001, 0.002, {201: 90, 422: 10}, broken=2, sample="HTTP/1.1 422 ...")
    row = row_of(tally, workers=1, resources=1)
    assert row.fault == (
        "10 answers with a wrong status (201: 90, 422: 10); 2 connections ended without an answer; "
        "the first: HTTP/1.1 422 ..."
    )
    assert _report(row).faults == [f"create (1 workers): {row.fault}"]


def test_nothing_answered_is_a_fault() -> None:
    assert row_of(Tally("read", 0, 1.0, 0.0, 0.0), 1, 1).fault == "nothing was answered"


def test_a_good_figure() -> None:
    row = row_of(Tally("transaction", 100, 2.0, 0.015, 0.02, {200: 100}), workers=2, resources=50)
    assert row == Row("transaction", 2, 50.0, 2500.0, 15.0, 20.0, None)


def test_the_mapper_page() -> None:
    assert mapper_page(_report()) == (
        "| what | records | resources | resources/s | memory after a tenth, MiB | memory after all, MiB |\n"
        "|---|---:|---:|---:|---:|---:|\n"
        "| GP Connect records | 1,000 | 73,000 | 2,500 | 118 | 120 |"
    )
