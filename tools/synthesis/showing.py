"""What a teacher may see: texts with personal data masked, and nothing that repeats a sealed test."""

from tools.catalog import Catalog
from tools.records import Dataset, Example, Passage, Project, Rule, Sample
from tools.synthesis.framing import asked
from tools.synthesis.judging import scope_of
from tools.synthesis.likeness import FINGERPRINTS, Fingerprints
from tools.synthesis.masking import mask
from tools.synthesis.rules import shown

MOST_PAIRS = 3  # of a rule


class Showing:
    """Of one project, with the sealed tests as they are when it is made."""

    def __init__(self, catalog: Catalog, project: Project) -> None:
        self._catalog = catalog
        self._task = project.task
        folder, datasets = catalog.folder(project), catalog.find(Dataset, project.id)
        self.sealed = [Fingerprints.read(folder / one.folder / FINGERPRINTS) for one in datasets]

    def text(self, text: str, language: str = "") -> str:
        return text if self._task.pii == "keep" else mask(text, language or self._task.language).text

    def passage(self, passage: Passage) -> Passage:
        return passage.but(text=self.text(passage.text, passage.language))

    def example(self, example: Example) -> Example:
        return Example(input=self.text(example.input), output=self.text(example.output))

    def rule(self, rule: Rule) -> Rule:
        """The rule with the pairs that may be shown."""
        pairs = [pair for pair, sample in shown(self._catalog, rule) if not self._repeats_test(sample)]
        masked = (
            pair.model_copy(update={"bad": self.example(pair.bad), "good": pair.good and self.example(pair.good)})
            for pair in pairs[:MOST_PAIRS]
        )
        return rule.but(pairs=tuple(masked))

    def _repeats_test(self, sample: Sample) -> bool:
        scope = scope_of(self._task, sample)
        return any(one.has(asked(sample.question), scope) for one in self.sealed)
