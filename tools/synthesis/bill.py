"""What a generation has made and cost so far: counted as it goes, read back after a kill, told at the end."""

from collections import Counter, deque
from collections.abc import Iterable

from tools.catalog import Catalog
from tools.records import Answer, Expense
from tools.synthesis.making import Kept
from tools.teacher.protocol import Usage

# What helps when most replies end like this: the advice fits the failure.
ADVICE: dict[str, str] = {
    "truncated": "Raise RETORT_TEACHER_MAX_OUTPUT_TOKENS: the replies are cut off before their end.",
    "empty": "Say 'test the connection' to see what the endpoint answers, or choose another RETORT_TEACHER_MODEL: this "
    "one answers nothing.",
    "refused": "Describe the task so that it shows what the samples are for, or choose another RETORT_TEACHER_MODEL: "
    "this one declines.",
    "malformed": "Choose another RETORT_TEACHER_MODEL: this one does not keep to the JSON that it is asked for. Say "
    "'show lost answers' to see what it wrote.",
    "failed": "Say 'test the connection' to see what the endpoint answers.",
}


class Bill:
    """Counts of one job, over all its starts. Only what is stored is on it."""

    def __init__(self, answers: Iterable[Answer] = (), expenses: Iterable[Expense] = ()) -> None:
        self.good = self.rejected = self.duplicates = self.calls = 0
        self.answers: Counter[str] = Counter()  # by state
        self.usage = Usage()
        self.barren = 0  # answers in a row without one good sample
        self.last_reason = ""
        self.dropped = 0  # requests under way when the job ended
        seen = set()
        for answer in answers:
            self._count(answer)
            seen.add(answer.number)
        for expense in expenses:
            self.usage += Usage.model_validate(expense.model_dump(include=set(Usage.model_fields)))
        self._next = max(seen, default=-1) + 1
        self._holes = deque(sorted(set(range(self._next)) - seen))  # asked, and lost with the process that asked

    @classmethod
    def of_job(cls, catalog: Catalog, project_id: str, job_id: str) -> "Bill":
        return cls(
            (one for one in catalog.each(Answer, project_id) if one.job_id == job_id),
            (one for one in catalog.each(Expense, project_id) if one.job_id == job_id),
        )

    @property
    def done(self) -> int:
        """What counts towards the order."""
        return self.good

    def next_number(self) -> int:
        """The number of the next request: those without an answer first."""
        if self._holes:
            return self._holes.popleft()
        self._next += 1
        return self._next - 1

    def add(self, kept: Kept) -> None:
        self._count(kept.answer)
        self.usage += kept.usage
        self.last_reason = kept.reason or self.last_reason
        self.barren = 0 if kept.good else self.barren + 1

    def _count(self, answer: Answer) -> None:
        self.good += answer.good
        self.rejected += answer.rejected
        self.duplicates += answer.duplicates
        self.calls += answer.calls
        self.answers[answer.state] += 1

    @property
    def advice(self) -> str:
        """What helps against what most answers ended with; empty where most could be read."""
        state, number = self.answers.most_common(1)[0] if self.answers else ("usable", 0)
        return ADVICE[state] if state in ADVICE and 2 * number > self.answers.total() else ""

    @property
    def losses(self) -> list[str]:
        """What was paid or asked for and is no sample, by reason."""
        aside = ", ".join(f"{number} {state}" for state, number in sorted(self.answers.items()) if state != "usable")
        return [
            *([f"{self.rejected} failed the checks"] if self.rejected else []),
            *([f"{self.duplicates} were duplicates"] if self.duplicates else []),
            *([f"answers set aside: {aside}"] if aside else []),
        ]

    @property
    def costs(self) -> list[str]:
        """Calls, tokens and money; nothing for a teacher that costs nothing."""
        usage = self.usage
        if not self.calls:
            return []
        lost = f"{self.dropped} requests under way were dropped, and the provider may bill them too"
        cached = f" ({usage.cached_tokens / usage.input_tokens:.0%} cached)" if usage.cached_tokens else ""
        tokens = f"{usage.input_tokens:,} tokens in{cached} and {usage.output_tokens:,} out"
        calls = f"{self.calls:,} call{'s' if self.calls != 1 else ''}"
        guessed = f", a guess for {usage.guessed:,} answers that the endpoint did not count" if usage.guessed else ""
        return [calls, tokens, *([lost] if self.dropped else []), f"${usage.usd:.4f} spent{guessed}"]
