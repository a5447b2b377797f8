"""Which way of asking a teacher gives the most usable samples for what is paid: tried, counted, then kept to."""

from collections import Counter
from collections.abc import Iterable, Sequence

from tools.records import Answer, Way

TRIAL = 10  # requests to a teacher, the ways in turn, before the best of them goes on
_PREFERRED: tuple[Way, ...] = ("record", "slots", "whole")  # of equals: where values are right by construction
_WORDS: dict[Way, str] = {"whole": "input and answer by the teacher", "record": "record first", "slots": "slots"}


class Yields:
    """Of one job, by teacher. A job too short for a trial keeps to the first way while that gives samples."""

    def __init__(self, ways: Sequence[Way], requests: int, answers: Iterable[Answer] = ()) -> None:
        """`requests` is how many the job will take; `answers` are those it has already."""
        self.ways = tuple(ways)
        self._tries = len(self.ways) > 1 and requests > TRIAL
        self._sent: Counter[str] = Counter()  # by teacher
        self._trying: set[int] = set()  # numbers of the trial's requests
        self._trial: dict[str, list[Answer]] = {}
        self._barren: Counter[str] = Counter()
        self.chosen: dict[str, Way] = {}
        for answer in sorted(answers, key=lambda one: one.number):
            self._sent[answer.source] += 1
            if self._sent[answer.source] <= TRIAL:
                self._trying.add(answer.number)
            self.note(answer)

    def way(self, source: str, number: int) -> Way:
        """How request `number` is put to this teacher; until the trial's answers are there, others go the first way."""
        turn = self._sent[source]
        self._sent[source] += 1
        if chosen := self.chosen.get(source):
            return chosen
        if not self._tries:
            return self.ways[self._barren[source] % len(self.ways)]
        if turn < TRIAL:
            self._trying.add(number)
        elif len(self._trial.get(source, ())) < TRIAL:
            return self.ways[0]
        return self.ways[turn % len(self.ways)]  # a trial that gave nothing at all goes on

    def note(self, answer: Answer) -> None:
        self._barren[answer.source] += not answer.good
        tried = self._trial.setdefault(answer.source, [])
        if not self._tries or answer.number not in self._trying or len(tried) == TRIAL:
            return
        tried.append(answer)
        best = max(self.ways, key=lambda way: (self.rate(answer.source, way), -_PREFERRED.index(way)))
        if len(tried) == TRIAL and self.rate(answer.source, best) > 0:
            self.chosen[answer.source] = best

    def rate(self, source: str, way: Way) -> float:
        """Usable samples a paid request in the trial."""
        tried = [one for one in self._trial.get(source, ()) if one.way == way]
        return sum(one.good for one in tried) / max(1, sum(one.calls for one in tried))

    @property
    def told(self) -> list[str]:
        """Each teacher's yields, and the way that goes on."""
        lines = []
        for source, tried in self._trial.items() if self._tries else ():
            if len(tried) < TRIAL:
                lines.append(f"{source}: {len(tried)} of {TRIAL} requests tried in {len(self.ways)} ways")
                continue
            rates = ", ".join(f"{_WORDS[way]} {self.rate(source, way):.1f}" for way in self.ways)
            chosen = self.chosen.get(source)
            goes_on = f"{_WORDS[chosen]} goes on" if chosen else "none gave a sample, all are tried on"
            lines.append(f"{source}: usable samples a paid request: {rates}; {goes_on}")
        return lines
