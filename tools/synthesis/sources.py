"""Which passages the next request rests on: documents take turns, none gives more than its cap."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

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
        used: Collection[str],
        cap: int = 0,
    ) -> None:
        """`made` counts the good samples of each document, `used` names the passages that have one; `cap` is the most
        good samples of one document, 0 sets none."""
        inputs = {document.id for document in documents if document.holds == "inputs"}
        self.passages = {passage.id: passage for passage in passages}
        self._made = Counter(made)
        self._cap = cap
        self._by_document: dict[str, list[Passage]] = {}
        for passage in passages:
            if passage.document_id not in inputs:
                self._by_document.setdefault(passage.document_id, []).append(passage)
        self._unlabelled = [one for one in passages if one.document_id in inputs and one.id not in used][::-1]
        self._turns: Counter[str] = Counter()

    def unlabelled(self, count: int) -> tuple[Passage, ...]:
        """Up to `count` inputs of the user's that have no answer yet, each given out once."""
        taken = self._unlabelled[-count:][::-1]
        del self._unlabelled[-count:]
        return tuple(taken)

    def next(self, count: int) -> Passage | None:
        """The next passage of the document that has given least; None where there are no documents.

        Raises RetortError when every document has given its share.
        """
        if not self._by_document:
            return None
        open_ones = [one for one in self._by_document if not self._cap or self._made[one] < self._cap]
        if not open_ones:
            raise RetortError(
                f"Each of the {len(self._by_document)} documents has given its {self._cap} samples.",
                "Add documents, or allow more samples a document.",
            )
        chosen = min(open_ones, key=lambda one: self._made[one])
        passages = self._by_document[chosen]
        passage = passages[self._turns[chosen] % len(passages)]
        self._turns[chosen] += 1
        self._made[chosen] += count
        return passage
