"""Verbs about data: rows, samples and the frozen dataset. Each phrases what its stage did."""

import math
from collections.abc import Sequence
from typing import Literal

from agent import uploads
from agent.document_verbs import DocumentVerbs
from agent.task_verbs import task_sentence
from agent.transcript import Outcome, Show
from tools import jobs
from tools.errors import RetortError
from tools.records import Sample, SynthesisOrder, Task

SHOWN_SAMPLES = 8  # a card with more is not read


class DataVerbs(DocumentVerbs):
    """From rows and samples to a dataset. Docstrings are what the chat model reads about a verb."""

    # --- rows ---

    def import_rows(
        self,
        file: str,
        split: Literal["", "train", "dev", "test"] = "",
        input_column: str = "",
        output_column: str = "",
    ) -> Outcome:
        """Import an uploaded JSONL (chat `messages`) or CSV file (upload id or file name) as approved samples.

        `input_column` and `output_column` say which columns of a table are meant when their names do not.
        """
        from tools.dataset.importing import import_rows

        upload, path = uploads.find(self.catalog, self.project, file)
        told = {part: column for part, column in (("input", input_column), ("output", output_column)) if column}
        report = import_rows(self.catalog, self.project, path, split, told or None, name=upload.name)
        inferred = self._infer_task() if self.project.task.missing() else ""
        lines = tuple(f"line {line}: {reason}" for line, reason in report.skipped[:20])
        left_out = f"; {len(report.skipped)} lines were left out (told below)" if report.skipped else ""
        text = f"Imported {report.imported} rows of {upload.name} ({report.format})"
        doubles = f", {report.duplicates} duplicates skipped" if report.duplicates else ""
        return Outcome(
            text=f"{text}{doubles}{left_out}.{inferred}", show=(Show(kind="report", ids=lines),) if lines else ()
        )

    def _infer_task(self) -> str:
        """Fill in what the task lacks from the rows; what the user said is never overruled."""
        from tools.dataset.inference import infer_task

        project = self.project
        samples = self.catalog.find(Sample, project.id, states=("approved", "edited"))
        if not samples:
            return ""
        found, own = infer_task(samples), project.task
        kept = {name: getattr(own, name) or getattr(found, name) for name in Task.model_fields}
        task = Task.model_validate(kept)
        self.catalog.save(self._named(project.but(task=task)))
        return f" From the rows: {task_sentence(task)}"

    # --- samples ---

    def draft_samples(self, count: int = 5, like: str = "") -> Outcome:
        """Have the teacher write a few samples (at most 20) and show them; `like` is a sample to resemble."""
        from tools.synthesis.drafting import draft

        self._need_task()
        if not 1 <= count <= 20:
            raise RetortError(f"{count} drafts do not fit a card.", "Draft 1 to 20; 'generate 300' makes many at once.")
        model = self.catalog.get(Sample, self.sample_id(like)) if like else None
        samples = draft(self.catalog, self.project, count, like=model)
        return self._card(samples, f"Drafted {len(samples)} samples{' like the one you named' if model else ''}")

    def show_samples(self, state: Literal["draft", "approved", "edited", "rejected"] = "draft") -> Outcome:
        """Show the newest samples of a state, numbered."""
        samples = self.catalog.find(Sample, self.project_id, states=(state,), newest=SHOWN_SAMPLES)
        if not samples:
            raise RetortError(f"There are no samples in state {state!r}.", "Say 'draft 5 samples' to make some.")
        return self._card(samples, f"The newest {len(samples)} samples in state {state}")

    def approve_samples(self, samples: Sequence[str]) -> Outcome:
        """Approve samples for training: numbers of the last card, ids, or 'all' drafts shown. The user's decision."""
        from tools.dataset.reviewing import approve

        done = approve(self.catalog, self.project, self.sample_ids(samples))
        return Outcome(text=f"Approved {len(done)} sample{'s' if len(done) != 1 else ''}.")

    def edit_sample(self, sample: str, question: str = "", answer: str = "", reason: str = "") -> Outcome:
        """Replace a sample's input or answer by what the user dictated. The user's decision."""
        from tools.dataset.reviewing import edit

        if not question and not answer:
            raise RetortError("The edit names no new text.", 'Say e.g. \'edit 3: {"name": "Ann"}\'.')
        found = edit(
            self.catalog,
            self.project,
            self.sample_id(sample),
            question=question or None,
            answer=answer or None,
            reason=reason,
        )
        return Outcome(text="Edited; it counts as approved.", show=(Show(kind="samples", ids=(found.id,)),))

    def reject_samples(self, samples: Sequence[str], reason: str = "") -> Outcome:
        """Reject samples, with the reason if the user gave one. The user's decision."""
        from tools.dataset.reviewing import reject

        done = reject(self.catalog, self.project, self.sample_ids(samples), reason.strip() or "not wanted")
        return Outcome(text=f"Rejected {len(done)} sample{'s' if len(done) != 1 else ''}; none is trained on.")

    def generate_samples(self, count: int = 300, max_usd: float | None = None) -> Outcome:
        """Have the teacher write many samples as a job; `max_usd` is a hard stop on money. Needs approval."""
        self._need_task()
        limit = self.money_limit(count) if max_usd is None else max_usd
        job = jobs.launch(self.catalog, self.project, SynthesisOrder(count=count, max_usd=limit))
        return Outcome(text=f"Started {job.id}: {count} samples, at most ${limit:.2f}.")

    def money_limit(self, count: int) -> float:
        """The estimate's upper end, rounded up to a cent: what is shown is what is allowed."""
        from tools.synthesis.estimate import estimate

        high_usd: float = estimate(self.catalog, self.project, count).usd_high
        return math.ceil(high_usd * 100) / 100

    # --- the dataset ---

    def freeze_dataset(self, test_rows: int = 0, dev_share: float = 0.1) -> Outcome:
        """Freeze the approved samples into a hashed version with train, dev and a sealed test split."""
        from tools.dataset.freezing import freeze

        sized = {"test_rows": test_rows} if test_rows else {}
        dataset = freeze(self.catalog, self.project, dev_share=dev_share, **sized)
        rows = ", ".join(f"{number} {split}" for split, number in dataset.rows.items())
        text = f"Froze dataset version {dataset.version} ({dataset.id}): {rows} rows; the test set is sealed."
        return Outcome(text=text, show=(Show(kind="dataset", ids=(dataset.id,)),))

    def _need_task(self) -> None:
        if missing := self.project.task.missing():
            raise RetortError(
                f"The task is not complete: it lacks {', '.join(missing).replace('_', ' ')}.",
                "Say what is missing, e.g. 'the fields are name, phone and email'.",
            )

    def _card(self, samples: Sequence[Sample], text: str) -> Outcome:
        numbers = f"; they are numbered 1 to {len(samples)}" if len(samples) > 1 else ", number 1"
        return Outcome(text=f"{text}{numbers}.", show=(Show(kind="samples", ids=tuple(one.id for one in samples)),))
