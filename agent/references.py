"""From what people call things to ids: sample numbers, 'step 60', 'best', the newest run. Every verb resolves here."""

import math
import re
from collections.abc import Sequence
from typing import Literal

from agent import uploads
from tools.catalog import Catalog
from tools.errors import RetortError
from tools.records import (
    NO_CARE,
    Care,
    Checkpoint,
    Dataset,
    Deployment,
    Document,
    Evaluation,
    EvaluationOrder,
    Job,
    Project,
    Rule,
    Run,
    Sample,
    Value,
)
from tools.settings import settings
from tools.synthesis.rules import unseen


class Cards(Value):
    """What the conversation has shown: the numbers a person says count on the last card, a vote on the last match."""

    last: tuple[str, ...] = ()
    seen: tuple[str, ...] = ()
    match: str = ""


class References:
    """A project and the names its parts go by; the toolbox's verbs stand on it."""

    def __init__(self, catalog: Catalog, project_id: str, cards: Cards | None = None) -> None:
        self.catalog = catalog
        self.project_id = project_id
        self.cards = cards or Cards()

    @property
    def project(self) -> Project:
        return self.catalog.get(Project, self.project_id)

    # --- samples ---

    def sample_ids(self, said: Sequence[str]) -> list[str]:
        """Ids of samples named by number on the last card, by id, or 'all': the drafts that were shown, and what
        nobody has judged yet on the last card."""
        if [one.lower() for one in said] == ["all"]:
            return self._all_shown()
        if not said:
            raise RetortError("No sample was named.", "Name numbers of the last card, e.g. 'approve 1,3', or 'all'.")
        return list(dict.fromkeys(self.sample_id(one) for one in said))

    def _all_shown(self) -> list[str]:
        waiting = self.catalog.find(Sample, self.project_id, states=("draft", "approved"))
        last, seen = set(self.cards.last), set(self.cards.seen)
        ids = [one.id for one in waiting if one.id in (seen if one.state == "draft" else last) and unseen(one)]
        if not ids:
            raise RetortError(
                "No sample that you have been shown is waiting.", "Say 'draft 5 samples' or 'review 10' to see some."
            )
        return ids

    def rule_id(self, said: str) -> str:
        """The named rule or the newest proposed one; one that is in force needs no second confirmation."""
        proposed = self.catalog.find(Rule, self.project_id, states=("proposed",))
        found = [one.id for one in proposed if said in ("", one.id)]
        if not found:
            raise RetortError(
                f"There is no proposed rule{f' {said!r}' if said else ''}.",
                "Reject a sample with a reason, e.g. 'reject 2: no phone'; 'rules' shows what there is.",
            )
        return found[-1]

    def sample_id(self, said: str) -> str:
        if not said.isdigit():
            found = self.catalog.get(Sample, said)
            return self._own(found, found.project_id)
        if not 1 <= int(said) <= len(self.cards.last):
            shown = f"1 to {len(self.cards.last)}" if self.cards.last else "no samples"
            raise RetortError(
                f"There is no sample {said} on the last card, which shows {shown}.", "Say 'show samples'."
            )
        return self.cards.last[int(said) - 1]

    # --- datasets, runs, checkpoints ---

    def dataset(self, version: int) -> Dataset:
        """The frozen version of this number; 0 is the newest."""
        newest = self.newest_dataset()
        known = {one.version: one for one in self.catalog.find(Dataset, self.project_id)} | {0: newest}
        if version not in known:
            raise RetortError(f"There is no version {version}.", f"The newest is version {newest.version}.")
        return known[version]

    def newest_dataset(self) -> Dataset:
        found = self.catalog.find(Dataset, self.project_id, newest=1)
        if not found:
            raise RetortError("There is no frozen dataset yet.", "Approve or import samples, then say 'freeze'.")
        return found[0]

    def planned_run(self, said: str) -> str:
        """The run that waits to be started; a plan that was shown, never one made up on the way."""
        planned = self.catalog.find(Run, self.project_id, states=("planned",))
        if said and said not in [run.id for run in planned]:
            raise RetortError(f"{said!r} is not a planned run.", "Say 'plan' to get one.")
        if not planned:
            raise RetortError("There is no plan to train by yet.", "Say 'plan'; then 'train'.")
        return said or planned[-1].id

    def trained_run(self, said: str, *, ended: bool = True) -> str:
        """The named run or the newest that was started; `ended` leaves out one that still trains."""
        states = ("stopped", "finished", "failed") if ended else ("training", "stopped", "finished", "failed")
        runs = self.catalog.find(Run, self.project_id, states=states)
        if said:
            runs = [run for run in runs if run.id == said]
        if not runs:
            what = f"{said!r} is no run that has ended" if said and ended else "No run has been trained yet"
            raise RetortError(f"{what}.", "Say 'status' to see the runs, or 'train' to start one.")
        return runs[-1].id

    def checkpoint_id(self, said: str) -> str:
        """'best' (by the sealed test), 'step 60' (of the newest run that has it), 'last', 'base' or an id."""
        if said == "base":
            return "base"
        known = self.catalog.find(Checkpoint, self.project_id)
        if not known:
            raise RetortError("There is no checkpoint yet.", "Train first: say 'plan', then 'train'.")
        if said == "best":
            return self.best_checkpoint().id
        if said == "last":
            return known[-1].id
        if step := re.fullmatch(r"(?:step\s*)?(\d+)", said):
            known = [one for one in known if one.step == int(step[1])]
        else:
            known = [one for one in known if one.id == said]
        if not known:
            raise RetortError(f"There is no checkpoint {said!r}.", "Say 'status' to see the checkpoints.")
        return known[-1].id

    def best_checkpoint(self) -> Checkpoint:
        """The checkpoint that the comparison on the newest dataset calls best: chosen on dev, confirmed on the test."""
        from tools.evaluation.comparison import compare

        known = {one.id for one in self.catalog.find(Checkpoint, self.project_id)}
        ranked = compare(self.catalog, self.project).rows
        first = next((row.candidate for row in ranked if row.best and row.candidate in known), None)
        if first is None:
            raise RetortError("No checkpoint has been scored yet.", "Say 'evaluate' first.")
        return self.catalog.get(Checkpoint, first)

    def candidate_ids(self, said: Sequence[str]) -> list[str]:
        """Candidates of an evaluation; nothing said means the base and every checkpoint of the newest run."""
        if [one.lower() for one in said] == ["ladder"]:  # what can be had without training
            return ["base", "few-shot", *(["teacher"] if settings().teacher_model else [])]
        if said and [one.lower() for one in said] != ["all"]:
            return [self.candidate_id(one) for one in said]
        checkpoints = self.catalog.find(Checkpoint, self.project_id)
        newest = [one for one in checkpoints if one.run_id == checkpoints[-1].run_id]
        return ["base", *self._earlier_best(checkpoints), *(one.id for one in newest)]

    def _earlier_best(self, checkpoints: Sequence[Checkpoint]) -> list[str]:
        """What the newest run must beat: the best checkpoint of the runs before it, if any was scored."""
        from tools.evaluation.comparison import compare

        earlier = {one.id for one in checkpoints if one.run_id != checkpoints[-1].run_id}
        scored = [one for one in self.catalog.find(Evaluation, self.project_id) if one.candidate in earlier]
        if not scored:
            return []
        alike = {(one.dataset_id, one.split) for one in scored[-1:]}
        last = {one.candidate: one.id for one in scored if (one.dataset_id, one.split) in alike}
        compared = compare(self.catalog, self.project, list(last.values()))
        return [row.candidate for row in compared.rows if row.best]

    def order_of(
        self, candidates: Sequence[str], split: Literal["dev", "test"], max_usd: float = 0.0
    ) -> EvaluationOrder:
        """The evaluation of these candidates on the newest dataset."""
        ids = tuple(self.candidate_ids(candidates))
        return EvaluationOrder(dataset_id=self.newest_dataset().id, split=split, candidates=ids, max_usd=max_usd)

    def answers_limit(self, candidates: Sequence[str], split: Literal["dev", "test"]) -> float:
        """US dollars that the teacher's answers may take: the estimate's upper end, rounded up to a cent."""
        from tools.evaluation.estimate import estimate

        if "teacher" not in candidates:
            return 0.0
        high = estimate(self.catalog, self.project, self.order_of(candidates, split)).usd_high
        return math.ceil(high * 100) / 100

    def candidate_id(self, said: str) -> str:
        """One thing that answers: 'base', 'served', a deployment id, or any name of a checkpoint; '' picks the best."""
        if not said:
            return self._default_candidate()
        if said in ("few-shot", "few shot"):
            return "few-shot"
        if said == "teacher":
            return "teacher"
        if said == "served" or said.startswith("deployment-"):
            return self.deployment_id(said.removeprefix("served"))
        return self.checkpoint_id(said)

    def _default_candidate(self) -> str:
        serving = self.catalog.find(Deployment, self.project_id, states=("serving",), newest=1)
        if serving:
            return serving[0].id
        known = self.catalog.find(Checkpoint, self.project_id)
        scored = {one.candidate for one in self.catalog.find(Evaluation, self.project_id) if one.split == "test"}
        if any(one.id in scored for one in known):
            return self.best_checkpoint().id
        return known[-1].id if known else "base"

    def label(self, candidate: str) -> str:
        """What a person calls a candidate: base, step 60, served."""
        from tools.evaluation.candidates import checkpoint_label

        if candidate in ("base", "few-shot", "teacher"):
            return candidate
        if candidate.startswith("deployment-"):
            return "served"
        return checkpoint_label(self.catalog, self.project, self.catalog.get(Checkpoint, candidate))

    # --- money, jobs, deployments, files ---

    def generation_limits(self, count: int, care: Care = NO_CARE) -> dict[str, float]:
        """Money: the estimate's upper end, rounded up to a cent, so that what is shown is what is allowed. Minutes:
        twice the upper end and ten at least, a stop for what went wrong and not a race."""
        from tools.synthesis.estimate import estimate

        high = estimate(self.catalog, self.project, count, care)
        return {"max_usd": math.ceil(high.usd_high * 100) / 100, "max_minutes": max(10.0, round(2 * high.minutes_high))}

    def serving_mode(self) -> Literal["adapter", "merged"]:
        """How a checkpoint is served unless told: vLLM adds adapters on a CPU by copying matrices for every token."""
        from tools.training.student import has_gpu

        return "adapter" if has_gpu() else "merged"

    def deployment_id(self, said: str) -> str:
        live = self.catalog.find(Deployment, self.project_id, states=("starting", "serving"))
        if said:
            live = [one for one in live if one.id == said]
        if not live:
            name = f"{said} is not a running deployment" if said else "No deployment is running"
            raise RetortError(f"{name}.", "Say 'deploy best' to start one, or 'status' to see what there is.")
        return live[-1].id

    def job_id(self, said: str, *, active: bool) -> str:
        """The named job, or the newest one that can be stopped (active) or resumed (not)."""
        if said:
            found = self.catalog.get(Job, said)
            return self._own(found, found.project_id)
        states = ("queued", "running", "stopping") if active else ("stopped", "failed", "died")
        jobs = [job for job in self.catalog.find(Job, self.project_id, states=states) if job.order.kind != "serve"]
        if not jobs:
            what = "running" if active else "stopped or failed"
            raise RetortError(f"There is no {what} job in this project.", "Say 'status' to see the jobs.")
        return jobs[-1].id

    def documents(self) -> list[Document]:
        """The documents as they are now, without versions that were replaced."""
        return [one for one in self.catalog.find(Document, self.project_id) if one.state == "current"]

    def document_id(self, said: str) -> str:
        """A document by its file name or id; '' is the newest."""
        known = self.documents()
        found = [one for one in known if not said or said.lower() in (one.name.lower(), one.id)]
        if not found:
            names = ", ".join(one.name for one in known[-5:]) or "none yet"
            raise RetortError(
                f"There is no document {said!r}." if said else "There is no document.", f"There are: {names}."
            )
        return found[-1].id

    def scanned_ids(self, said: Sequence[str]) -> list[str]:
        """Documents with scanned pages: those named, or all."""
        named = [] if [one.lower() for one in said] in ([], ["all"]) else [self.document_id(one) for one in said]
        found = [one.id for one in self.documents() if one.scans and (not named or one.id in named)]
        if not found:
            raise RetortError("None of these documents has scanned pages.", "Nothing needs OCR.")
        return found

    def upload_id(self, said: str) -> str:
        return uploads.find(self.catalog, self.project, said)[0].id

    def _own(self, record: Sample | Job, project_id: str) -> str:
        """A record of another project answers like one that does not exist."""
        if project_id != self.project_id:
            noun = type(record).__name__.lower()
            raise RetortError(
                f"There is no {noun} {record.id!r} in this project.", "Say 'status' to see what there is."
            )
        return record.id
