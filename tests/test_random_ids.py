"""Random ids."""

from uuid import UUID

from fhir_server.random_ids import RandomIds


def test_ids_are_of_their_form_and_never_the_same() -> None:
    ids = RandomIds()
    uuids = [ids.uuid() for _ in range(2000)]
    assert all(str(UUID(text)) == text and UUID(text).version == 4 for text in uuids)
    digits = [ids.hexadecimal() for _ in range(2000)]
    assert all(len(text) == 32 and int(text, 16) >= 0 for text in digits)
    assert len(set(uuids)) == len(set(digits)) == 2000
    assert not {text.replace("-", "") for text in uuids} & set(digits)
