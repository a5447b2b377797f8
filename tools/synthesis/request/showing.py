"""What a teacher may see: texts with personal data masked, and nothing that repeats a sealed test or a real message."""

from tools.catalog import Catalog
from tools.records import REAL, Dataset, Example, Passage, Project, Rule, Sample
from tools.schema import TABLES
from tools.synthesis.check.judging import fingerprints, repeats
from tools.synthesis.check.rules import shown
from tools.text.likeness import FINGERPRINTS, Fingerprints
from tools.text.personal import mask

MOST_PAIRS = 3  # of a rule


class Showing:
    """Of one project, with the sealed tests as they are when it is made."""

    def __init__(self, catalog: Catalog, project: Project) -> None:
        self._catalog = catalog
        self._task = project.task
        folder, datasets = catalog.folder(project), catalog.find(Dataset, project.id)
        self.sealed = [Fingerprints.read(folder / one.folder / FINGERPRINTS) for one in datasets]
        typed = catalog.find(Sample, project.id, where=(TABLES[Sample].c.source.startswith(REAL),))
        self.sealed.append(fingerprints(project.task, typed))  # sealed from the moment they are given

    def text(self, text: str, language: str = "") -> str:
        return text if self._task.pii == "keep" else mask(text, language or self._task.language).text

    def passage(self, passage: Passage) -> Passage:
        return passage.but(text=self.text(passage.text, passage.language))

    def example(self, example: Example) -> Example:
        return Example(input=self.text(example.input), output=self.text(example.output))

    def rule(self, rule: Rule) -> Rule:
        """The rule with the pairs that may be shown."""
        pairs = [pair for pair, sample in shown(self._catalog, rule) if not repeats(self._task, sample, self.sealed)]
        masked = (
            pair.model_copy(update={"bad": self.example(pair.bad), "good": pair.good and self.example(pair.good)})
            for pair in pairs[:MOST_PAIRS]
        )
        return rule.but(pairs=tuple(masked))
