"""Guesses at what comes next in an answer, for the model to check many tokens at a time.

One token a step leaves a processor waiting for memory, so some guessed ones are checked beside it. A guess is kept only
where the model says the same, so answers stay what they are. Checkpoints of one run say nearly the same, and answers
repeat words of their input.
"""

from collections.abc import Sequence

LONGEST = 8  # guessed tokens a step; more gained nothing on a CPU
STEP_TOKENS = {"cpu": 64, "cuda": 2048}  # a step takes as long as so many tokens beside those computed in it;
# SmolLM2 on 2 cores: 50 at 64 rows, 110 at 36. A GPU reads its weights in the time of some thousands.


class Draft:
    """Guesses for one row, and how often they proved right.

    Sources: P. Saxena, "Prompt lookup decoding" (2023), with an earlier answer as one more text to look in;
    Y. Leviathan, M. Kalman and Y. Matias, "Fast inference from transformers via speculative decoding" (ICML 2023).
    """

    def __init__(self, earlier: Sequence[int], prompt: Sequence[int]) -> None:
        """`earlier` is another student's answer to the same prompt, its end included; empty where there is none."""
        self.earlier = list(earlier)
        self._right = self._checked = 0
        self._follows: dict[tuple[int, int], tuple[Sequence[int], int]] = {}  # two tokens -> text, place after them
        for text in (prompt, self.earlier):  # an earlier answer is the better guess
            for at in range(2, len(text)):
                self._follows[text[at - 2], text[at - 1]] = (text, at)

    def guess(self, answer: Sequence[int], most: int) -> list[int]:
        """At most `most` tokens, and no more than LONGEST, that may follow the answer so far."""
        length = min(LONGEST, most)
        if self.earlier[: len(answer)] == answer:
            return self.earlier[len(answer) : len(answer) + length]
        if len(answer) < 2 or (found := self._follows.get((answer[-2], answer[-1]))) is None:
            return []
        text, at = found
        return list(text[at : at + length])

    def learn(self, guessed: int, right: int) -> None:
        """After a step: how many of the guessed tokens were right before the first wrong one."""
        self._right += right
        self._checked += right + (right < guessed)

    def expected(self, guessed: int) -> float:
        """Tokens that will prove right of so many guessed; a token's chance is by Laplace's rule of succession."""
        chance = (self._right + 1) / (self._checked + 2)
        return sum(chance**number for number in range(1, guessed + 1))


def worth_guessing(drafts: Sequence[Draft], guesses: Sequence[Sequence[int]], unread: int, device: str) -> int:
    """Guessed tokens a row for the most answer in the least time, when each row reads `unread` tokens anyway.

    A batch is as wide as its widest row: one row's long guess must not make all others compute padding.
    """

    def speed(width: int) -> float:
        sure = len(drafts) + sum(
            draft.expected(min(width, len(guess))) for draft, guess in zip(drafts, guesses, strict=True)
        )
        return sure / (STEP_TOKENS[device] + len(drafts) * (unread + width))

    return max(range(max(map(len, guesses)) + 1), key=speed)
