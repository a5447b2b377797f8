"""Verbs about data: rows, samples and the frozen dataset. Each phrases what its stage did."""

from collections import Counter
from collections.abc import Sequence
from typing import Literal

from agent import uploads
from agent.document_verbs import DocumentVerbs
from agent.task_verbs import task_sentence
from agent.transcript import Outcome, Show
from tools import jobs
from tools.errors import RetortError
from tools.records import Answer, Care, JsonObject, Sample, SynthesisOrder, Task

SHOWN_SAMPLES = 8  # a card with more is not read
SHOWN_CHARS = 300  # of an answer that was set aside
SHOWN_LINES = 20  # of those that could not be imported
SHOWN_IMPORTED = 2  # samples, to see whether a file was understood


class DataVerbs(DocumentVerbs):
    """From rows and samples to a dataset. Docstrings are what the chat model reads about a verb."""

    # --- rows ---

    def import_rows(
        self,
        file: str,
        split: Literal["", "train", "dev", "test"] = "",
        input_column: str = "",
        output_column: str = "",
        licence: str = "",
    ) -> Outcome:
        """Import an uploaded file of rows (upload id or name) as approved samples: chat messages, ShareGPT, Alpaca,
        query/response, prompt/completion or calls of tools, as JSON, JSON lines, CSV, TSV, XLSX or parquet.

        `input_column` and `output_column` say which columns of a table are meant when their names do not; `licence`
        is noted with the samples.
        """
        from tools.dataset.importing import import_rows

        upload, path = uploads.find(self.catalog, self.project, file)
        told = {part: column for part, column in (("input", input_column), ("output", output_column)) if column}
        report = import_rows(self.catalog, self.project, path, split, told or None, name=upload.name, licence=licence)
        inferred = self._infer_task() if self.project.task.missing() else ""
        lines = [f"line {line}: {reason}" for line, reason in report.skipped[:SHOWN_LINES]]
        if len(report.skipped) > SHOWN_LINES:
            lines.append(f"and {len(report.skipped) - SHOWN_LINES} more in {report.path}")
        left_out = f"; {len(report.skipped)} lines were left out (told below)" if report.skipped else ""
        read_as = ", ".join(filter(None, (report.format, report.encoding)))
        text = f"Imported {report.imported} rows of {upload.name} ({read_as}; {report.confidence})"
        doubles = f", {report.duplicates} duplicates skipped" if report.duplicates else ""
        notes = "".join(f" {note}" for note in report.notes)
        preview = Show(kind="samples", ids=report.sample_ids[:SHOWN_IMPORTED])
        shows = (*((preview,) if preview.ids else ()), *((Show(kind="report", ids=tuple(lines)),) if lines else ()))
        return Outcome(text=f"{text}{doubles}{left_out}.{notes}{inferred}", show=shows)

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

    def show_answers(self) -> Outcome:
        """Show the teacher's newest answers that were set aside: why each is no sample, and how it begins."""
        found = [one for one in self.catalog.find(Answer, self.project_id) if one.state != "usable"]
        if not found:
            raise RetortError(
                "No answer of a teacher was set aside.", "'show rejected samples' shows what failed checks."
            )
        counts = ", ".join(f"{number} {state}" for state, number in Counter(one.state for one in found).most_common())
        lines = tuple(_set_aside(one) for one in found[-SHOWN_SAMPLES:])
        return Outcome(text=f"Answers set aside: {counts}. The newest:", show=(Show(kind="report", ids=lines),))

    def generate_samples(  # noqa: PLR0917  the verb's arguments, always named
        self,
        count: int = 300,
        max_usd: float | None = None,
        max_minutes: float | None = None,
        answers_each: int = 1,
        critique: bool = False,
        per_document: int = 0,
    ) -> Outcome:
        """Have the teacher write many samples as a job; `max_usd` and `max_minutes` are hard stops. `answers_each`
        asks for that many answers to an input and keeps what most agree on; `critique` has the teacher judge its
        samples once more; `per_document` caps the samples of one document. Needs approval."""
        self._need_task()
        care = Care(answers_each=answers_each, critique=critique, per_document=per_document)
        limits = self.generation_limits(count, care)
        usd = limits["max_usd"] if max_usd is None else max_usd
        minutes = limits["max_minutes"] if max_minutes is None else max_minutes
        order = SynthesisOrder(count=count, max_usd=usd, max_minutes=minutes, care=care)
        job = jobs.launch(self.catalog, self.project, order)
        return Outcome(text=f"Started {job.id}: {count} samples, at most ${usd:.2f} and {minutes:g} minutes.")

    def _need_task(self) -> None:
        if missing := self.project.task.missing():
            raise RetortError(
                f"The task is not complete: it lacks {', '.join(missing).replace('_', ' ')}.",
                "Say what is missing, e.g. 'the fields are name, phone and email'.",
            )

    def _card(self, samples: Sequence[Sample], text: str) -> Outcome:
        numbers = f"; they are numbered 1 to {len(samples)}" if len(samples) > 1 else ", number 1"
        return Outcome(text=f"{text}{numbers}.", show=(Show(kind="samples", ids=tuple(one.id for one in samples)),))


def _set_aside(answer: Answer) -> str:
    came = " ".join(answer.text.split())[:SHOWN_CHARS]
    return f"{answer.state}: {answer.problem or 'no reason was told'}" + (f" It begins: {came}" if came else "")


def care_of(arguments: JsonObject) -> Care:
    """The care that a call of generate_samples asks for."""
    return Care.model_validate({name: arguments[name] for name in Care.model_fields if name in arguments})
