"""Verbs about data: the task, files, samples and the frozen dataset. Each phrases what its stage did."""

import math
import re
from collections.abc import Sequence
from typing import Literal, get_args

from agent import uploads
from agent.references import References
from agent.transcript import Outcome, Show
from tools import jobs
from tools.errors import RetortError
from tools.records import Example, FieldKind, Project, Sample, SynthesisOrder, Task, TaskField, TaskKind

UNNAMED = "New project"
SHOWN_SAMPLES = 8  # a card with more is not read


class DataVerbs(References):
    """From a goal to a dataset. Docstrings are what the chat model reads about a verb."""

    # --- the task ---

    def set_task(
        self,
        *,
        goal: str = "",
        kind: Literal["", "extraction", "classification", "open"] = "",
        input_description: str = "",
        fields: Sequence[str] = (),
        labels: Sequence[str] = (),
        examples: Sequence[str] = (),
        language: str = "",
        student: str = "",
        system_prompt: str = "",
    ) -> Outcome:
        """Define or change the task; what is left out stays. `fields` are 'name' or 'name: description', `examples`
        are 'input => output', `language` is a code like en or zh, `student` a reference like hf:Qwen/Qwen3-0.6B."""
        project, task = self.project, self.project.task
        changes = {
            "kind": kind or task.kind,
            "input_description": input_description.strip() or task.input_description,
            "fields": tuple(read_field(one) for one in fields) or task.fields,
            "labels": tuple(dict.fromkeys(one.strip() for one in labels if one.strip())) or task.labels,
            "examples": tuple(read_example(one) for one in examples) or task.examples,
            "language": language.strip().lower() or task.language,
            "system_prompt": system_prompt.strip() or task.system_prompt,
        }
        task = Task.model_validate(changes)
        names = [field.name for field in task.fields]
        if len(set(names)) < len(names):
            raise RetortError(f"The fields {', '.join(names)} name one twice.", "Give every field its own name.")
        project = project.but(task=task, goal=goal.strip() or project.goal, student=student or project.student)
        self.catalog.save(self._named(project))
        return Outcome(text=task_sentence(task))

    def _named(self, project: Project) -> Project:
        """A project gets its name and its folder's name from its goal, once."""
        if project.name != UNNAMED or not project.goal:
            return project
        old = self.catalog.folder(project)
        name = short_name(project.goal)
        taken = {one.slug for one in self.catalog.find(Project)}
        slug = unique_slug(name, taken)
        old.rename(old.with_name(slug))  # nothing runs in a project without a goal, so nobody holds the old path
        return project.but(name=name, slug=slug)

    # --- files ---

    def add_files(self, files: Sequence[str]) -> Outcome:
        """Read uploaded documents (upload ids or file names) and cut them into passages."""
        from tools.documents.adding import add_file

        if not files:
            raise RetortError("No file was named.", "Drop a file into the chat, or name one that is there.")
        told, documents = [], []
        for one in files:
            upload, path = uploads.find(self.catalog, self.project, one)
            document = add_file(self.catalog, self.project, path, upload.name)
            note = f" ({document.note})" if document.note else ""
            told.append(f"{document.name}: {document.passages} passages{note}")
            documents.append(document.id)
        return Outcome(text=f"Read {'; '.join(told)}.", show=(Show(kind="documents", ids=tuple(documents)),))

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


# --- reading what a verb was given -------------------------------------------------------------------------------


def read_field(text: str) -> TaskField:
    """'total (number): amount in euro' as a field; kind and description are optional."""
    match = re.fullmatch(r"\s*([^:：()（）]+?)\s*(?:[(（]\s*(\w+)\s*[)）])?\s*(?:[:：]\s*(.*))?", text, re.DOTALL)
    kind = ((match[2] if match else None) or "string").lower()
    if not match or kind not in get_args(FieldKind):
        raise RetortError(
            f"The field {text!r} cannot be read.",
            f"Write 'name' or 'name (kind): description' with a kind of {', '.join(get_args(FieldKind))}.",
        )
    return TaskField.model_validate({"name": match[1], "kind": kind, "description": (match[3] or "").strip()})


def read_example(text: str) -> Example:
    """'input => output' as an example."""
    given, arrow, output = text.rpartition("=>")
    if not arrow or not given.strip() or not output.strip():
        raise RetortError(f"The example {text[:80]!r} cannot be read.", "Write it as 'input => output'.")
    return Example(input=given.strip(), output=output.strip())


def task_sentence(task: Task) -> str:
    """The task in one or two sentences, with what it still lacks."""
    kinds: dict[TaskKind | None, str] = {
        "extraction": f"extract {', '.join(field.name for field in task.fields) or '…'} as JSON",
        "classification": f"choose one of {', '.join(task.labels) or '…'}",
        "open": "answer in free text",
        None: "kind unknown",
    }
    told = f"Task: {kinds[task.kind]}, from {task.input_description or '…'} (language: {task.language or '…'})"
    lacks = ", ".join(task.missing()).replace("_", " ")
    return f"{told}; still missing: {lacks}." if lacks else f"{told}."


def short_name(goal: str) -> str:
    """The goal's first words as a name, at most 48 characters."""
    first = re.split(r"[.!?\n。！？]", goal.strip(), maxsplit=1)[0].strip() or goal.strip()
    return first if len(first) <= 48 else f"{first[:48].rsplit(' ', 1)[0]}…"


def unique_slug(name: str, taken: set[str]) -> str:
    """A folder name of ASCII letters and digits that no other project of this owner has."""
    whole = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    words = (whole if len(whole) <= 40 else whole[:41].rpartition("-")[0] or whole[:40]) or "project"
    numbered = (words if number == 1 else f"{words}-{number}" for number in range(1, 1_000_000))
    return next(slug for slug in numbered if slug not in taken)
