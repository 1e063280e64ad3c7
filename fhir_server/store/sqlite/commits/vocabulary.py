"""Which terms this process has written into the vocabulary already, so that they cost nothing again."""

from collections.abc import Iterable

Term = tuple[int, str]

MOST_KNOWN = 50_000


class Vocabulary:
    """The terms of commits that are done. Nothing is ever taken out of the table, so what is known stays true."""

    def __init__(self) -> None:
        self._known: dict[Term, None] = {}
        self._written: dict[Term, None] = {}

    def unknown(self, terms: Iterable[Term]) -> list[Term]:
        """Those that must be written; they are known as soon as the transaction is done."""
        new = [term for term in terms if term not in self._known and term not in self._written]
        self._written.update(dict.fromkeys(new))
        return new

    def done(self) -> None:
        """The transaction was committed."""
        self._known.update(self._written)
        self._written.clear()
        while len(self._known) > MOST_KNOWN:
            del self._known[next(iter(self._known))]

    def undone(self) -> None:
        """The transaction was rolled back."""
        self._written.clear()
