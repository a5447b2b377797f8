"""Verbs about frozen versions: freeze, export, the card, what changed."""

from typing import Literal

from agent.references import References
from agent.transcript import Outcome, Show
from tools.errors import RetortError
from tools.records import Dataset


class DatasetVerbs(References):
    """What can be done with a set of samples once it is good. Docstrings are what the chat model reads about a verb."""

    def freeze_dataset(self, test_rows: int = 0, dev_share: float = 0.1) -> Outcome:
        """Freeze the approved samples that the policy lets through into a hashed version with train, dev and a sealed
        test split."""
        from tools.dataset.freezing import freeze
        from tools.dataset.versions import difference

        sized = {"test_rows": test_rows} if test_rows else {}
        dataset = freeze(self.catalog, self.project, dev_share=dev_share, **sized)
        rows = ", ".join(f"{number} {split}" for split, number in dataset.rows.items())
        text = f"Froze dataset version {dataset.version} ({dataset.id}): {rows} rows; the test set is sealed."
        text += f" {dataset.review}" if dataset.review else ""
        if dataset.parent_id:
            parent = self.catalog.get(Dataset, dataset.parent_id)
            text += f" {difference(self.catalog, parent, dataset).sentence}"
        return Outcome(text=text, show=(Show(kind="dataset", ids=(dataset.id,)),))

    def export_dataset(
        self,
        layout: Literal["messages", "alpaca", "sharegpt", "ms-swift", "datasets", "csv"] = "messages",
        version: int = 0,
    ) -> Outcome:
        """Write train and dev of a frozen version (0: the newest) as files of another tool: messages (OpenAI JSONL),
        alpaca or sharegpt (LLaMA-Factory, with dataset_info.json), ms-swift, datasets (parquet), csv."""
        from tools.dataset.exporting import export

        dataset = self.dataset(version)
        made = export(self.catalog, self.project, dataset, layout)
        rows = ", ".join(f"{number} {split}" for split, number in made.rows.items())
        left_out = f" {made.left_out}" if made.left_out else ""
        folder = self.catalog.folder(self.project) / made.folder
        text = f"Exported version {dataset.version} as {layout}: {rows} rows; the test set stays sealed.{left_out}"
        return Outcome(text=text, show=(Show(kind="report", ids=tuple(str(folder / name) for name in made.files)),))

    def dataset_card(self, version: int = 0) -> Outcome:
        """Show the card of a frozen version (0: the newest): counts, lengths in student tokens, languages, sources."""
        from tools.dataset.card import card, markdown
        from tools.files import write_atomic
        from tools.training.lengths import measure_lengths
        from tools.training.student import default_student

        dataset = self.dataset(version)
        lengths = measure_lengths(self.catalog, dataset, self.project.student or default_student())
        path = self.catalog.folder(self.project) / "exports" / f"v{dataset.version}-card.md"
        write_atomic(path, markdown(card(self.catalog, self.project, dataset, lengths)).encode())
        text = f"The card of version {dataset.version}, also at {path}. {lengths.sentence}"
        return Outcome(text=text, show=(Show(kind="card", ids=(dataset.id, lengths.student)),))

    def dataset_difference(self, older: int = 0, newer: int = 0) -> Outcome:
        """Tell what changed between two frozen versions; 0 is the newest, and the one before it."""
        from tools.dataset.versions import difference

        last = self.dataset(newer)
        if not older and not last.parent_id:
            raise RetortError(f"Version {last.version} is the first one.", "Freeze another version to compare it with.")
        first = self.dataset(older) if older else self.catalog.get(Dataset, last.parent_id)
        found = difference(self.catalog, first, last)
        lines = [
            f"{name}: {', '.join(ids[:20])}{f' and {len(ids) - 20} more' if len(ids) > 20 else ''}"
            for name, ids in (("added", found.added), ("removed", found.removed), ("edited", found.edited))
            if ids
        ]
        return Outcome(text=found.sentence, show=(Show(kind="report", ids=tuple(lines)),) if lines else ())
