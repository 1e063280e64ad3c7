from itertools import islice

from fhir_server.bench.traffic import COUNTER, Stream, Tally, http_request


def test_requests_come_in_turn_and_again() -> None:
    stream = Stream("read", 1, (b"one", b"two"))
    assert list(islice(stream.sequence(), 5)) == [b"one", b"two", b"one", b"two", b"one"]


def test_a_counted_request_is_another_one_each_time_and_as_long() -> None:
    stream = Stream("create", 1, (b"a %s" % COUNTER, b"b"))
    made = list(islice(stream.sequence(), 4))
    assert made == [b"a 0000000001", b"b", b"a 0000000003", b"b"]
    assert len(made[0]) == len(b"a %s" % COUNTER)


def test_a_request_is_whole() -> None:
    assert http_request("PUT", "/fhir/Patient/1", "127.0.0.1:8080", b"{}", if_match='W/"1"') == (
        b'PUT /fhir/Patient/1 HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nIf-Match: W/"1"\r\n'
        b"Content-Type: application/fhir+json\r\nContent-Length: 2\r\n\r\n{}"
    )
    assert http_request("GET", "/", "a") == b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


def test_the_rate_is_over_the_measured_time() -> None:
    assert Tally("read", answered=500, seconds=2.0, median=0.1, p99=0.2).rate == 250
