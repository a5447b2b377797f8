"""A version's card: what is in it, where it is from, how long, how checked; and the card as Markdown."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from pydantic import Field

from tools.catalog import Catalog
from tools.dataset.inference import labels_of
from tools.dataset.lengths import Lengths
from tools.dataset.splits import read_dev, read_train
from tools.dataset.tally import vouched
from tools.dataset.versions import difference, read_index
from tools.errors import NotFound
from tools.records import REAL, Dataset, Dialogue, Document, Project, Sample, Value
from tools.synthesis.check.checks import check
from tools.text.language import language_of, likeliest_language

MOST_ROWS = 30  # of a table of the card; the rest is summed up


class Card(Value):
    """All figures of a version. Texts are looked at in train and dev only; test is counted."""

    project: str
    version: int
    rows: dict[str, int]
    seed: int
    sha256: dict[str, str]
    note: str
    review: str = Field(description="What the user had reviewed, and what that says about the rest.")
    change: str = Field(description="Against the version before it; empty for the first.")
    looked_at: int = Field(description="Rows of train and dev.")
    turns: dict[str, int] = Field(description="Samples by number of user messages.")
    with_tools: int = Field(description="Samples with tools on offer.")
    languages: dict[str, int]
    answers: dict[str, int] = Field(description="Samples by label; or by field of a JSON answer that is not null.")
    answer_kind: str = Field(description="label, field, or empty for free text.")
    sources: dict[str, int]
    licences: dict[str, int] = Field(description="Imported samples by the licence noted.")
    documents: dict[str, int] = Field(description="Samples by document.")
    states: dict[str, int] = Field(description="Samples by who says that they are good: see `tally.vouched`.")
    passed: int = Field(description="Rows that pass the task's checks today.")
    failed: dict[str, int] = Field(description="Rows that do not, by reason.")
    lengths: Lengths | None = None


def card(catalog: Catalog, project: Project, dataset: Dataset, lengths: Lengths | None = None) -> Card:
    """The card of a version; `lengths` when the student's tokenizer has been asked."""
    index = read_index(catalog, dataset)
    by_id = {sample.id: sample for sample in catalog.find(Sample, project.id)}
    samples = [by_id[entry.id] for entry in index if entry.id in by_id]
    rows = [*read_train(catalog, dataset), *read_dev(catalog, dataset)]
    kind, answers = _answers(rows)
    reasons = Counter(check(project.task, by_id[row.id]) for row in rows if row.id in by_id)
    return Card(
        project=project.name,
        version=dataset.version,
        rows=dataset.rows,
        seed=dataset.seed,
        sha256=dataset.sha256,
        note=" ".join(filter(None, (*(one.sentence for one in dataset.left_out), dataset.note, dataset.thin_sentence))),
        review=dataset.review,
        change=_change(catalog, dataset),
        looked_at=len(rows),
        turns=_counted(str(sum(m.role == "user" for m in row.messages)) for row in rows),
        with_tools=sum(bool(row.tools) for row in rows),
        languages=_counted(_languages([row.question for row in rows])),
        answers=answers,
        answer_kind=kind,
        sources=_counted(sample.source for sample in samples),
        licences=_counted(s.licence or "not noted" for s in samples if s.source.startswith(("import:", REAL))),
        documents=_counted(map(_document_name(catalog), (sample for sample in samples if sample.document_id))),
        states=_counted(vouched(sample) for sample in samples),
        passed=reasons.pop("", 0),
        failed=dict(reasons.most_common()),
        lengths=lengths,
    )


def markdown(found: Card) -> str:
    """The card as a page of Markdown."""
    splits = ", ".join(f"{count:,} {split}" for split, count in found.rows.items())
    parts = [f"# {found.project}, version {found.version}", f"{splits} rows, split with seed {found.seed}."]
    parts += [text for text in (found.change, found.note, found.review) if text]
    if found.lengths:
        parts += ["## Lengths", f"{found.lengths.sentence} Counted in tokens of {found.lengths.student}."]
        parts.append(_table("tokens up to", "samples", {f"{edge:,}": n for edge, n in found.lengths.histogram()}))
    parts += ["## Content", f"Examined: {found.looked_at:,} rows of train and dev; the test set is sealed."]
    parts += [_table("language", "samples", found.languages), _table("user messages", "samples", found.turns)]
    if found.with_tools:
        parts.append(f"{found.with_tools:,} samples have tools on offer.")
    if found.answers:
        parts.append(_table(found.answer_kind, "samples", found.answers))
    parts += ["## Origin", _table("source", "samples", found.sources)]
    parts += [_table("licence", "imported samples", found.licences)] if found.licences else []
    parts += [_table("document", "samples", found.documents)] if found.documents else []
    parts += ["## Checks", f"{found.passed:,} of {found.looked_at:,} rows pass the checks of the task."]
    parts += [_table("reason", "rows", found.failed)] if found.failed else []
    parts.append(_table("how it got in", "samples", found.states))
    parts += ["## Hashes", "\n".join(f"- {split}: `{digest}`" for split, digest in found.sha256.items())]
    return "\n\n".join(parts) + "\n"


def _answers(rows: Sequence[Dialogue]) -> tuple[str, dict[str, int]]:
    """Counts by label, or by field of JSON answers; nothing for free text."""
    texts = [row.answer.strip() for row in rows]
    try:
        objects = [json.loads(text) for text in texts]
    except (ValueError, RecursionError):
        objects = []
    if objects and all(isinstance(one, dict) for one in objects):
        fields = dict.fromkeys(name for one in objects for name in one)
        return "field", {name: sum(one.get(name) is not None for one in objects) for name in fields}
    return ("label", _counted(texts)) if labels_of(texts) else ("", {})


def _change(catalog: Catalog, dataset: Dataset) -> str:
    if not dataset.parent_id:
        return ""
    return difference(catalog, catalog.get(Dataset, dataset.parent_id), dataset).sentence


def _document_name(catalog: Catalog) -> Callable[[Sample], str]:
    known: dict[str, str] = {}

    def name(sample: Sample) -> str:
        if sample.document_id not in known:
            try:
                known[sample.document_id] = catalog.get(Document, sample.document_id).name
            except NotFound:
                known[sample.document_id] = f"{sample.document_id} (deleted)"
        return known[sample.document_id]

    return name


def _languages(texts: Sequence[str]) -> list[str]:
    """The language of each text; one too short to tell has that of all."""
    usual = likeliest_language(texts)
    return [language_of(text) or usual for text in texts]


def _counted(values: Iterable[str]) -> dict[str, int]:
    return dict(Counter(values).most_common())


def _table(name: str, count: str, rows: dict[str, int]) -> str:
    shown = list(rows.items())[:MOST_ROWS]
    lines = [f"| {_cell(label)} | {number:,} |" for label, number in shown]
    if rest := list(rows.values())[MOST_ROWS:]:
        lines.append(f"| {len(rest)} others | {sum(rest):,} |")
    return "\n".join([f"| {name} | {count} |", "| --- | ---: |", *lines])


def _cell(text: str) -> str:
    """A user's text in one cell of a Markdown table."""
    return " ".join(text.split()).replace("\\", "\\\\").replace("|", "\\|") or "(empty)"
