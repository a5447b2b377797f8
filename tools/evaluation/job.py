"""The evaluation job: every candidate answers the split, row by row on disk, and is scored when it has answered all."""

import time
from collections.abc import Collection, Mapping, Sequence

from tools.dataset.copies import compared, given, same_values
from tools.dataset.splits import Row, read_train
from tools.dataset.versions import read_origins
from tools.errors import RetortError
from tools.evaluation.answers import Answer, AnswerFile
from tools.evaluation.candidates import UNTRAINED, Candidate, answers_path, find_candidates, find_known
from tools.evaluation.rows import Split, rows_of
from tools.evaluation.score.metrics import headline, score
from tools.evaluation.students import LocalStudent, ServedStudent, answer_limit
from tools.evaluation.studies.ceiling import ask_rows, teacher_for_rows
from tools.jobs import Stopped, Work
from tools.records import Checkpoint, Dataset, Evaluation, EvaluationOrder, Run, Sample, Task, new_id
from tools.student.chat import load_tokenizer
from tools.student.reference import resolve
from tools.text.likeness import LEAK, nearest
from tools.text.same_input import input_key


def run(work: Work) -> str:
    """Evaluate the order's candidates that are not evaluated yet; the closing sentence tells their headline figure."""
    order = work.job.order
    if not isinstance(order, EvaluationOrder):
        raise TypeError(f"an evaluation job was given a {order.kind} order")
    dataset = work.catalog.get(Dataset, order.dataset_id)
    candidates = find_candidates(work.catalog, work.project, order.candidates)
    rows: dict[Split, Sequence[Row]] = {split: rows_of(work.catalog, dataset, split) for split in order.splits}
    for split, some in rows.items():
        if not some:
            raise RetortError(
                f"Dataset v{dataset.version} has no {split} rows.",
                "Give some with 'import as real', then freeze." if split == "real" else "Freeze more samples.",
            )
    evaluator = _Evaluator(work, dataset, order, rows, len(candidates))
    ordered = sorted(candidates, key=_by_student)
    found = {split: [evaluator.evaluate(candidate, split) for candidate in ordered] for split in rows}
    return " ".join(_told(work.project.task, split, len(rows[split]), found[split]) for split in reversed(rows))


def _told(task: Task, split: Split, rows: int, found: Sequence[Evaluation]) -> str:
    told = ", ".join(f"{one.label} {headline(task, one.scores)[1].share:.1%}" for one in found)
    name = headline(task, found[0].scores)[0]
    leaked = {row for one in found for row in one.leaked}
    warning = (
        f" Training rows give the answers of {len(leaked)} of them away, so these are not scored." if leaked else ""
    )
    return f"{name[0].upper()}{name[1:]} on {rows} {split} rows: {told}.{warning}"


def _by_student(candidate: Candidate) -> tuple[str, str, bool, bool]:
    """One load per student: its base first, its checkpoints next, what is served last."""
    served = candidate.deployment is not None
    return (candidate.loads, "" if served else candidate.precision, served, candidate.adapter is not None)


class _Evaluator:
    """Goes from candidate to candidate and keeps the last loaded student for the next one."""

    def __init__(
        self, work: Work, dataset: Dataset, order: EvaluationOrder, rows: Mapping[Split, Sequence[Row]], candidates: int
    ) -> None:
        self.work, self.dataset, self.order, self.rows_of = work, dataset, order, rows
        self.answered, self.total = 0, candidates * sum(map(len, rows.values()))
        self.loaded: tuple[tuple[str, str], LocalStudent] | None = None
        self.earlier: dict[str, str] = {}  # the last candidate's answers by row id: guesses for the next one's
        self.leaks: dict[tuple[str, Split], tuple[str, ...]] = {}  # by dataset trained on, and rows asked
        self.origins = read_origins(work.catalog, dataset)

    def evaluate(self, candidate: Candidate, split: Split) -> Evaluation:
        """The candidate's evaluation: the known one, or answered now, going on from what is on disk."""
        self.split, self.rows = split, self.rows_of[split]
        known = find_known(self.work.catalog, self.dataset, split, candidate, self.work.job)
        if known:
            self.answered += len(self.rows)
            return known
        path = answers_path(self.dataset, split, candidate, self.work.job)
        self.work.phase(f"asking {candidate.label}")
        with AnswerFile(self.work.folder / path) as file:
            missing = [row for row in self.rows if row.id not in file.known]
            self.answered += len(self.rows) - len(missing)
            if missing and candidate.name == "teacher":
                self._ask_teacher(missing, file)
            elif missing:
                self._answer(candidate, missing, file)
            answers = [file.known[row.id] for row in self.rows]
        self.earlier = {one.row_id: one.answer for one in answers}
        leaked = self._leaked(candidate)
        scored = [row for row in self.rows if row.id not in leaked]
        return self.work.catalog.add(
            Evaluation(
                id=new_id("evaluation"),
                owner=self.work.catalog.owner,
                project_id=self.work.project.id,
                dataset_id=self.dataset.id,
                split=split,
                candidate=candidate.name,
                student=candidate.student,
                label=candidate.label,
                scores=score(self.work.project.task, scored, self.earlier, self.origins),
                answers=path,
                seconds=sum(answer.seconds for answer in answers),
                answer_tokens=sum(answer.tokens for answer in answers),
                job_id=self.work.job.id,
                leaked=leaked,
            )
        )

    def _answer(self, candidate: Candidate, missing: Sequence[Row], file: AnswerFile) -> None:
        started, device = time.monotonic(), "cpu"
        try:
            student = self._student(candidate)
            device = student.device_name()
            limit = answer_limit(student.tokenizer, self.rows)
            moment = time.monotonic()
            asked = [candidate.asked(row) for row in missing]
            for row, text in student.answer(asked, candidate, limit, self.earlier):
                now = time.monotonic()
                tokens = len(student.tokenizer(text, add_special_tokens=False)["input_ids"])
                file.append(Answer(row_id=row.id, answer=text, seconds=now - moment, tokens=tokens))
                moment = now
                self._count(candidate.label)
                if self.work.should_stop():
                    raise Stopped(
                        f"Stopped after {self.answered} of {self.total} answers; say 'resume' to continue from there."
                    )
        finally:
            seconds = time.monotonic() - started
            self.work.book(f"evaluation of {candidate.label}", kind="compute", seconds=seconds, device=device)

    def _ask_teacher(self, missing: Sequence[Row], file: AnswerFile) -> None:
        """Each answer is paid for as it comes. A row without one is no wrong answer: the job fails, and can resume."""
        work, lost = self.work, 0
        answers = ask_rows(
            teacher_for_rows(),
            work.project.task,
            missing,
            max_usd=self.order.max_usd,
            spent_usd=work.spent_usd(),
            should_stop=work.should_stop,
            retrying=lambda told: work.report(self.answered, self.total, "answers", told),
        )
        moment = time.monotonic()
        for row, told in answers:
            now = time.monotonic()
            work.book("teacher's answers to rows", kind="teacher", **told.usage.model_dump())
            if told.answered:
                file.append(Answer(row_id=row.id, answer=told.text, seconds=now - moment))
                self._count("teacher")
            else:
                lost, problem = lost + 1, told.problem
            moment = now
        if lost:
            raise RetortError(
                f"The teacher did not answer {lost} rows: {problem}", "Say 'resume' to ask for these again."
            )

    def _count(self, label: str) -> None:
        self.answered += 1
        self.work.report(self.answered, self.total, "answers", label)

    def _leaked(self, candidate: Candidate) -> tuple[str, ...]:
        """Rows that stand in what this dataset trains on, or in what the candidate was trained on before it."""
        catalog, trained_on = self.work.catalog, {self.dataset.id}
        checkpoint = candidate.deployment.checkpoint_id if candidate.deployment else candidate.name
        if checkpoint not in ("", *UNTRAINED):
            run = catalog.get(Run, catalog.get(Checkpoint, checkpoint).run_id)
            trained_on.update((run.dataset_id, *run.learnt))
        for id_ in trained_on:
            if (id_, self.split) not in self.leaks:
                train = read_train(catalog, catalog.get(Dataset, id_))
                known = catalog.named(Sample, [row.id for row in (*train, *self.rows)])
                own = {one.id for one in known if given(one)}
                self.leaks[id_, self.split] = find_leaks(train, self.rows, own)
        found = {row for id_ in trained_on for row in self.leaks[id_, self.split]}
        return tuple(row.id for row in self.rows if row.id in found)

    def _student(self, candidate: Candidate) -> LocalStudent | ServedStudent:
        if candidate.deployment is not None:
            return ServedStudent(candidate.deployment, load_tokenizer(resolve(candidate.student)))
        wanted = (candidate.loads, candidate.precision)
        if self.loaded is None or self.loaded[0] != wanted:
            self.loaded = None  # frees the other student before this one is loaded
            self.work.phase(f"loading {candidate.student}")
            self.loaded = (wanted, LocalStudent(resolve(candidate.loads), candidate.precision))
        return self.loaded[1]


# --- leaks ----------------------------------------------------------------------------------------------------------


def find_leaks(train: Sequence[Row], rows: Sequence[Row], own: Collection[str] = ()) -> tuple[str, ...]:
    """Ids of the rows whose input stands in train: the same, or nearly and with the same answer.

    A near match with another answer is no leak: inputs of sums or of one template differ in little but what matters.
    Nor is one between two rows of the user's `own`, by their ids, that other values fill.
    """
    known = {row.id: input_key(row.messages) for row in train}
    inputs, owned = set(known.values()), frozenset(own)
    by_answer: dict[str, dict[str, Row]] = {}
    for row in train:
        by_answer.setdefault(row.answer.strip(), {})[known[row.id]] = row

    def leaks(row: Row) -> bool:
        said, same = input_key(row.messages), dict(by_answer.get(row.answer.strip(), {}))
        if said in inputs:
            return True
        while found := nearest(said, same.keys(), LEAK):
            other = same.pop(found)
            if not {row.id, other.id} <= owned or same_values(compared(row), compared(other)):
                return True
        return False

    return tuple(row.id for row in rows if leaks(row))
