"""Verbs about scores: evaluate, compare, look at rows and at failures, and aim new samples at these."""

from collections.abc import Sequence
from typing import Literal

from agent.references import References
from agent.transcript import Outcome, Show
from tools import jobs
from tools.errors import RetortError
from tools.evaluation.side_by_side import Filter, side_by_side, unique_labels
from tools.records import Evaluation, GuardOrder, Run, SynthesisOrder

SHOWN_ROWS = 10
AIMED_SAMPLES = 60


class ScoreVerbs(References):
    """From answers to a decision. Docstrings are what the chat model reads about a verb."""

    def evaluate(
        self, candidates: Sequence[str] = (), split: Literal["dev", "test"] = "test", max_usd: float | None = None
    ) -> Outcome:
        """Score candidates ('base', 'few-shot', 'teacher', 'step 60', ids; none means base and all checkpoints;
        'ladder' means all that needs no training) on a split. `max_usd` is a hard stop on what the teacher's own
        answers cost. Needs approval."""
        usd = self.answers_limit(candidates, split) if max_usd is None else max_usd
        order = self.order_of(candidates, split, usd)
        job = jobs.launch(self.catalog, self.project, order)
        return Outcome(text=f"Started {job.id}: {len(order.candidates)} candidates on the {split} split.")

    def compare_checkpoints(self, split: Literal["dev", "test"] = "test") -> Outcome:
        """Which checkpoint is best, and is it better than the base: all that was scored on the newest dataset's split,
        with intervals, paired tests and a recommendation."""
        from tools.evaluation.comparison import compare, latest

        found = [one.id for one in latest(self.catalog, self.project, split)] if split == "dev" else []
        compared = compare(self.catalog, self.project, found)
        ids = tuple(row.evaluation_id for row in compared.rows)
        return Outcome(text=compared.sentence, show=(Show(kind="comparison", ids=ids),))

    def show_rows(
        self,
        *,
        right: str = "",
        wrong: str = "",
        field: str = "",
        label: str = "",
        document: str = "",
        split: Literal["dev", "test"] = "test",
    ) -> Outcome:
        """Show scored rows side by side: those that `right` (a label like 'step 60' or 'base') has right and `wrong`
        has wrong, those with this field wrong, this right label or value, or from this document. All filters count."""
        from tools.evaluation.comparison import latest

        evaluations = latest(self.catalog, self.project, split)
        if not evaluations:
            raise RetortError(f"Nothing is scored on {split} yet.", f"Say 'evaluate on {split}' first.")
        labels = list(unique_labels(evaluations).values())
        for name in (right, wrong):
            if name and name not in labels:
                raise RetortError(f"{name!r} is not among the scored ones: {', '.join(labels)}.", "Name one of these.")
        chosen = Filter(right=right, wrong=wrong, field=field, label=label, document=document)
        found = side_by_side(self.catalog, self.project, evaluations, chosen)
        shown = f"; the first {SHOWN_ROWS} are below" if len(found) > SHOWN_ROWS else ""
        ids = (chosen.model_dump_json(exclude_defaults=True), *(one.id for one in evaluations))
        text = f"{len(found)} {'row is' if len(found) == 1 else 'rows are'} so on {split}{shown}."
        return Outcome(text=text, show=(Show(kind="rows", ids=ids),) if found else ())

    def show_failures(self, candidate: str = "") -> Outcome:
        """Group what a checkpoint (the best unless named) gets wrong on dev into named, numbered clusters."""
        from tools.evaluation.failures import failures

        evaluation = self.failing(candidate)
        clusters = failures(self.catalog, self.project, evaluation)
        if not clusters:
            return Outcome(text=f"{evaluation.label} gets every {evaluation.split} row right.")
        wrong = sum(len(one.row_ids) for one in clusters)
        told = "; ".join(f"{at}. {one.name} ({len(one.row_ids)})" for at, one in enumerate(clusters[:5], start=1))
        text = f"{evaluation.label} has {wrong} {evaluation.split} rows wrong: {told}."
        return Outcome(text=text, show=(Show(kind="failures", ids=(evaluation.id,)),))

    def aim_at_failures(
        self, cluster: str, count: int = AIMED_SAMPLES, max_usd: float | None = None, max_minutes: float | None = None
    ) -> Outcome:
        """Have the teacher write samples aimed at one cluster of failures (its number or name); drawn from train rows
        and documents only. They are for training alone. `max_usd` and `max_minutes` are hard stops. Needs approval."""
        from tools.evaluation.aiming import aim_at

        aim = aim_at(self.catalog, self.project, self.failing(""), self.cluster_name(cluster))
        limits = self.generation_limits(count)
        usd = limits["max_usd"] if max_usd is None else max_usd
        minutes = limits["max_minutes"] if max_minutes is None else max_minutes
        order = SynthesisOrder(count=count, max_usd=usd, max_minutes=minutes, aim=aim)
        job = jobs.launch(self.catalog, self.project, order)
        text = f"Started {job.id}: {count} samples of {aim.focus}, at most ${usd:.2f} and {minutes:g} minutes."
        return Outcome(text=f"{text} Then freeze, plan, train and 'evaluate on dev' to see whether they help.")

    def learning_curve(self, run: str = "", max_minutes: float | None = None) -> Outcome:
        """Train a finished run's plan (the newest unless named) again on a quarter and a half of its rows, score all
        three on dev, and tell what twice the data should bring. `max_minutes` is a hard stop. Needs approval."""
        from tools.evaluation.learning import start

        full = self.catalog.get(Run, self.finished_run(run))
        minutes = self.curve_limit(full.id) if max_minutes is None else max_minutes
        job = start(self.catalog, self.project, full, minutes)
        return Outcome(
            text=f"Started {job.id}: two runs on parts of the rows of {full.id}, at most {minutes:g} minutes."
        )

    def curve_limit(self, run: str) -> float:
        """Twice the estimate's upper end, and ten minutes at least."""
        from tools.evaluation.learning import estimate

        return max(10.0, round(2 * estimate(self.catalog, self.project, self.catalog.get(Run, run)).minutes_high))

    def finished_run(self, said: str) -> str:
        """A run that trained to its end: the newest unless named."""
        known = [one.id for one in self.catalog.find(Run, self.project_id, states=("finished",))]
        found = [one for one in known if said in ("", one)]
        if not found:
            problem = f"{said!r} is no finished run." if said else "No run has been trained to its end."
            raise RetortError(problem, "Train first: say 'plan', then 'train'.")
        return found[-1]

    def check_forgetting(self, checkpoint: str = "best") -> Outcome:
        """Ask the base and a checkpoint general questions, refusals and forms that have nothing to do with the task,
        and tell whether training made it forget. Needs approval."""
        order = GuardOrder(candidates=("base", self.checkpoint_id(checkpoint)))
        job = jobs.launch(self.catalog, self.project, order)
        return Outcome(text=f"Started {job.id}: the base and {self.label(order.candidates[1])} are asked off the task.")

    def write_report(self, run: str = "") -> Outcome:
        """Write one page on a run (the newest unless named) with scores, plots, plan, hashes and cost, as Markdown and
        HTML, and the card that replays it."""
        from tools.evaluation.report import write_report

        known = [one for one in self.catalog.find(Run, self.project_id) if one.state != "planned"]
        found = next((one for one in reversed(known) if run in ("", one.id)), None)
        if found is None:
            problem = f"There is no run {run!r} to report on." if run else "Nothing was trained yet."
            raise RetortError(problem, "Say 'plan', then 'train'.")
        folder = write_report(self.catalog, self.project, found)
        card = folder.parent.parent / "cards" / found.id
        return Outcome(text=f"The report is {folder / 'report.html'}; `retort replay {card}` does the run again.")

    def failing(self, candidate: str) -> Evaluation:
        """The evaluation whose failures are meant: the candidate's on dev, the best checkpoint's unless named."""
        from tools.evaluation.comparison import compare, latest

        known = latest(self.catalog, self.project, "dev")
        if not known:
            raise RetortError("No dev row is scored yet, and failures are looked for there.", "Say 'evaluate on dev'.")
        if candidate:
            wanted = self.candidate_id(candidate)
            found = next((one for one in known if one.candidate == wanted), None)
            if found is None:
                raise RetortError(f"{self.label(wanted)} is not scored on dev.", "Say 'evaluate on dev'.")
            return found
        best = compare(self.catalog, self.project, [one.id for one in known]).best
        return self.catalog.get(Evaluation, best)

    def cluster_name(self, said: str) -> str:
        """A cluster by its number or its name."""
        from tools.evaluation.failures import failures

        names = [one.name for one in failures(self.catalog, self.project, self.failing(""))]
        if said.isdigit() and 1 <= int(said) <= len(names):
            return names[int(said) - 1]
        if said not in names:
            listed = "; ".join(f"{at}. {name}" for at, name in enumerate(names, start=1)) or "none"
            raise RetortError(f"There is no cluster of failures {said!r}: {listed}.", "Say 'show failures'.")
        return said
