"""Classification without a model: the user's own examples, said in other ways. The label never changes."""

import random
import re

from tools.errors import RetortError
from tools.records import Sample, Task
from tools.teacher.protocol import Drafted

EXAMPLES_PER_LABEL = 2
_CARRIERS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "en": (
        ("", "", "", "Hi, ", "Hello, ", "Hey, ", "Hi there, ", "Excuse me, ", "Quick question: ", "Just so you know: ",
         "Good morning, ", "Sorry to bother you, ", "So, ", "Well, ", "Um, ", "Hi team, ", "One more thing: ", "OK, "),
        ("", "", "", " Thanks.", " Thank you!", " Please.", " Cheers.", " Many thanks in advance.", " Please advise.",
         " Let me know.", " Hope that is clear.", " Sorry for the trouble.", " I appreciate it."),
    ),
    "zh": (
        ("", "", "", "你好，", "您好，", "请问，", "打扰一下，", "那个，", "麻烦您，", "嗨，", "早上好，",
         "不好意思，", "对了，"),
        ("", "", "", "谢谢。", "谢谢！", "麻烦了。", "辛苦了。", "拜托了。", "请回复。", "多谢。", "感谢。"),
    ),
}  # fmt: skip
_SWAPS = (
    ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    ("January", "February", "March", "April", "June", "July", "August", "September", "October", "November", "December"),
    ("today", "tomorrow", "yesterday"),
    ("周一", "周二", "周三", "周四", "周五", "周六", "周日"),
    ("今天", "明天", "昨天"),
)


class Varier:
    """Says each label's examples in other ways: carriers, politeness, casing, punctuation, numbers, days."""

    def __init__(self, task: Task, like: Sample | None = None) -> None:
        """Raises RetortError naming the labels that lack examples."""
        self.spaced = task.language.lower()[:2] not in ("zh", "ja")
        self.before, self.after = _CARRIERS.get(task.language.lower()[:2], (("",), ("",)))
        self.examples = _by_label(task)
        short = short_of(task)
        if short or not self.examples:
            raise RetortError(
                f"The simulator varies your own examples; too few are there for: {', '.join(short) or 'any label'}.",
                f"Give {EXAMPLES_PER_LABEL} or more different example inputs for each label, import rows, or name a "
                "teacher with RETORT_TEACHER_MODEL and RETORT_TEACHER_API_KEY.",
            )
        self.family = ""  # of the sample that more are wanted like
        if like is not None and like.answer in self.examples:
            self.examples, self.family = {like.answer: (like.question,)}, like.family

    def sample(self, number: int, rng: random.Random) -> Drafted:
        """Labels take turns, so that each gets its share."""
        label = list(self.examples)[number % len(self.examples)]
        chosen = rng.choice(self.examples[label])
        text = _refilled(chosen, rng)
        text = rng.choice(self.before) + _recased(text, rng)
        if tail := rng.choice(self.after):
            text = _ended(text, self.spaced) + (tail if self.spaced else tail.strip())
        if self.spaced and rng.random() < 0.2:
            text = _with_typo(text, rng)
        return Drafted(input=text.strip(), output=label, style="variation", origin=chosen, family=self.family or chosen)


def short_of(task: Task) -> tuple[str, ...]:
    """The labels with too few examples to vary."""
    return tuple(label for label, texts in _by_label(task).items() if len(set(texts)) < EXAMPLES_PER_LABEL)


def _by_label(task: Task) -> dict[str, tuple[str, ...]]:
    return {
        label: tuple(example.input.strip() for example in task.examples if example.output.strip() == label)
        for label in task.labels
    }


def _refilled(text: str, rng: random.Random) -> str:
    """Other numbers of the same length, other days and months."""
    text = re.sub(r"\d", lambda match: str(rng.randint(1, 9)), text)
    for group in _SWAPS:
        for word in group:
            if re.search(rf"(?<![A-Za-z]){word}(?![A-Za-z])", text):
                text = re.sub(rf"(?<![A-Za-z]){word}(?![A-Za-z])", rng.choice(group), text)
                break
    return text


def _recased(text: str, rng: random.Random) -> str:
    dice = rng.random()
    if dice < 0.25:
        text = text.lower()
    elif dice < 0.4:
        text = text[:1].upper() + text[1:]
    end = rng.choice(("keep", "keep", "bare", "more"))
    if end == "bare":
        return text.rstrip(".!。！")
    return text + "!" if end == "more" and text[-1:].isalnum() else text


def _ended(text: str, spaced: bool) -> str:
    return text if text[-1:] in ".!?。！？" else text + ("." if spaced else "。")


def _with_typo(text: str, rng: random.Random) -> str:
    """Two letters swapped inside one longer word."""
    words = list(re.finditer(r"[A-Za-z]{5,}", text))
    if not words:
        return text
    chosen = rng.choice(words)
    at = rng.randrange(chosen.start() + 1, chosen.end() - 2)
    return text[:at] + text[at + 1] + text[at] + text[at + 2 :]
