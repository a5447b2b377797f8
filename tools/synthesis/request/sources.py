"""Which passages the next request rests on: documents take turns, none gives more than its cap."""

import heapq
from collections import Counter
from collections.abc import Mapping, Sequence

from tools.errors import RetortError
from tools.records import Document, Passage


class Sources:
    """The project's passages to ground samples in, and its unlabelled inputs to be answered."""

    def __init__(
        self,
        documents: Sequence[Document],
        passages: Sequence[Passage],
        *,
        made: Mapping[str, int],
        cap: int = 0,
    ) -> None:
        """`made` counts the good samples of each passage; `cap` is the most of one document, 0 sets none."""
        inputs = {document.id for document in documents if document.holds == "inputs"}
        self.passages = {passage.id: passage for passage in passages}
        self._cap = cap
        self._made: Counter[str] = Counter()  # of each document; what was asked for counts until it is answered
        self._by_document: dict[str, list[tuple[int, int, Passage]]] = {}  # heaps: who has given least comes first
        for place, passage in enumerate(passages):
            if passage.document_id not in inputs:
                given = made.get(passage.id, 0)
                self._made[passage.document_id] += given
                self._by_document.setdefault(passage.document_id, []).append((given, place, passage))
        for heap in self._by_document.values():
            heapq.heapify(heap)
        self._unlabelled = [one for one in passages if one.document_id in inputs and one.id not in made][::-1]

    @property
    def grounded(self) -> bool:
        """Whether there are passages for samples to rest on."""
        return bool(self._by_document)

    def unlabelled(self, count: int) -> tuple[Passage, ...]:
        """Up to `count` inputs of the user's that have no answer yet, each given out once."""
        taken = self._unlabelled[-count:][::-1]
        del self._unlabelled[-count:]
        return tuple(taken)

    def next(self, count: int) -> tuple[Passage | None, int]:
        """The passage that has given least of the document that has, and for how many samples, at most `count`, its cap
        has room; None where there are no documents.

        Raises RetortError when every document has given its share.
        """
        if not self._by_document:
            return None, count
        open_ones = [one for one in self._by_document if not self._cap or self._made[one] < self._cap]
        if not open_ones:
            raise RetortError(
                f"Each of the {len(self._by_document)} documents has already given its limit of {self._cap} samples.",
                "Add documents, or allow more samples per document.",
            )
        chosen = min(open_ones, key=lambda one: self._made[one])
        if self._cap:
            count = min(count, self._cap - self._made[chosen])
        given, place, passage = self._by_document[chosen][0]
        heapq.heapreplace(self._by_document[chosen], (given + count, place, passage))
        self._made[chosen] += count
        return passage, count

    def missed(self, passage: Passage, count: int) -> None:
        """So many of the samples asked for did not become good ones."""
        self._made[passage.document_id] -= count
