import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.bench.answers import MalformedAnswer, end_of, status_of

SIZED = b"HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = b"HTTP/1.1 201 Created\r\ntransfer-encoding: chunked\r\n\r\n5;x=1\r\nhello\r\n1\r\n0\r\n0\r\n\r\n"
EMPTY = b'HTTP/1.1 204 No Content\r\nETag: W/"2"\r\n\r\n'


@given(st.sampled_from([SIZED, CHUNKED, EMPTY]), st.data())
def test_the_end_is_known_exactly_when_it_has_come(answer: bytes, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(answer)))
    end = end_of(answer[:cut])
    assert end is None or end == len(answer)
    assert (end is not None and end <= cut) == (cut == len(answer))


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=6))
def test_chunks_of_any_content_end_after_the_last(chunks: list[bytes]) -> None:
    body = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"
    answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + body
    assert end_of(answer) == len(answer)
    assert end_of(answer[:-1]) is None


def test_what_follows_an_answer_is_not_part_of_it() -> None:
    assert end_of(SIZED + b"HTTP/1.1 ") == len(SIZED)


def test_the_status() -> None:
    assert [status_of(answer) for answer in (SIZED, CHUNKED, EMPTY)] == [200, 201, 204]


@pytest.mark.parametrize("answer", [b"HTTP/1.1 200 OK\r\nDate: now\r\n\r\n", b"SSH-2.0-server\r\n\r\n"])
def test_an_answer_without_a_length_is_malformed(answer: bytes) -> None:
    with pytest.raises(MalformedAnswer):
        end_of(answer)
