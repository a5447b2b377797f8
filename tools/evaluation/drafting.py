"""Guesses at what comes next in an answer, for the model to check many tokens at a time.

One token a step leaves a processor waiting for memory: a step that checks eight guessed tokens takes about twice as
long as a step for one (SmolLM2, 32 rows, 2 cores). A guess is kept only where the model says the same, so answers stay
what they are. Checkpoints of one run say nearly the same, and answers repeat words of their input.
"""

from collections.abc import Sequence

LONGEST = 8  # guessed tokens a step; more gained nothing on a CPU


class Draft:
    """Guesses for one row, longer while they prove right.

    Sources: P. Saxena, "Prompt lookup decoding" (2023), with an earlier answer as one more text to look in;
    Y. Leviathan, M. Kalman and Y. Matias, "Fast inference from transformers via speculative decoding" (ICML 2023).
    """

    def __init__(self, earlier: Sequence[int], prompt: Sequence[int]) -> None:
        """`earlier` is another student's answer to the same prompt, its end included; empty where there is none."""
        self.earlier = list(earlier)
        self.length = LONGEST if earlier else 1
        self._follows: dict[tuple[int, int], tuple[Sequence[int], int]] = {}  # two tokens -> text, place after them
        for text in (prompt, self.earlier):  # an earlier answer is the better guess
            for at in range(2, len(text)):
                self._follows[text[at - 2], text[at - 1]] = (text, at)

    def guess(self, answer: Sequence[int], most: int) -> list[int]:
        """At most `most` tokens that may follow the answer so far."""
        length = min(self.length, most)
        if self.earlier[: len(answer)] == answer:
            return self.earlier[len(answer) : len(answer) + length]
        if len(answer) < 2 or (found := self._follows.get((answer[-2], answer[-1]))) is None:
            return []
        text, at = found
        return list(text[at : at + length])

    def learn(self, guessed: int, right: int) -> None:
        """After a step: twice as far if all was right, else as far as it was."""
        if guessed:
            self.length = min(LONGEST, 2 * self.length if right == guessed else right + 1)
