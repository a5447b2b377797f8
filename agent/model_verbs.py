"""Verbs about models: plan, train, evaluate, compare, try, deploy, stop; and what it all is and cost."""

import shutil
from collections.abc import Mapping
from typing import Literal

from agent.references import References
from agent.status import job_line, lines, status
from agent.transcript import Outcome, Show
from tools import jobs
from tools.errors import RetortError
from tools.records import (
    Checkpoint,
    Dataset,
    Deployment,
    Estimate,
    Expense,
    Job,
    Run,
)

DELETE_GRACE_S = 30.0


def _limit(estimate: Estimate) -> float:
    return max(10.0, round(2 * estimate.minutes_high))


class ModelVerbs(References):
    """From a dataset to a served student. Docstrings are what the chat model reads about a verb."""

    # --- training ---

    def propose_plan(self, changes: Mapping[str, str | int | float] | None = None) -> Outcome:
        """Propose all choices of a training run with reasons; `changes` sets fields, e.g. {"lora_rank": 16}.

        Also relative: {"epochs": "longer"} or "shorter", {"learning_rate": "higher"} or "lower".
        """
        from tools.training.advice import propose
        from tools.training.schedule import in_epochs
        from tools.training.starting import plan_run

        dataset = self.newest_dataset()
        earlier = [run for run in self.catalog.find(Run, self.project_id) if run.dataset_id == dataset.id]
        before = earlier[-1].plan if earlier and changes else None  # so that changes add up; a bare 'plan' starts anew
        plan = propose(self.catalog, self.project, dataset, changes, before)
        run = plan_run(self.catalog, self.project, dataset, plan)
        text = f"Plan {run.id}: {in_epochs(plan.epochs)}, rank {plan.lora_rank}, learning rate {plan.learning_rate:g}"
        return Outcome(text=f"{text}, student {plan.student}.", show=(Show(kind="plan", ids=(run.id,)),))

    def start_training(self, run: str = "", max_minutes: float | None = None) -> Outcome:
        """Start training by the plan that was shown; `max_minutes` is a hard stop. Needs approval."""
        from tools.training.starting import start

        planned = self.catalog.get(Run, self.planned_run(run))
        limit = self.time_limit(planned.id) if max_minutes is None else max_minutes
        job = start(self.catalog, self.project, planned, limit)
        text = f"Training {planned.id} has started ({job.id}), at most {limit:g} minutes."
        return Outcome(text=text, show=(Show(kind="run", ids=(planned.id,)),))

    def continue_training(self, epochs: float = 2, run: str = "", max_minutes: float | None = None) -> Outcome:
        """Train `epochs` more from where a run (the newest unless named) stands. Needs approval."""
        from tools.training.schedule import in_epochs
        from tools.training.starting import continue_run, start

        ended = self.catalog.get(Run, self.trained_run(run))
        limit = self.time_limit_of_more(ended.id, epochs) if max_minutes is None else max_minutes
        longer = continue_run(self.catalog, self.project, ended, epochs)
        job = start(self.catalog, self.project, longer, limit)
        more = in_epochs(epochs, "more ")
        text = f"{longer.id} goes on from {ended.id} for {more} ({job.id}), at most {limit:g} minutes."
        return Outcome(text=text, show=(Show(kind="run", ids=(longer.id,)),))

    def diagnose(self, run: str = "") -> Outcome:
        """Say from a run's curves how training goes or went: underfit, overfit, diverging ...; and what to change."""
        from tools.training.diagnosis import diagnose
        from tools.training.monitor import read_metrics

        found = self.catalog.get(Run, self.trained_run(run, ended=False))
        dataset = self.catalog.get(Dataset, found.dataset_id)
        metrics = read_metrics(self.catalog.folder(self.project) / found.folder)
        text = f"{found.id}: {diagnose(metrics, dataset.rows['train']).sentence}"
        return Outcome(text=text, show=(Show(kind="run", ids=(found.id,)),))

    def time_limit_of_more(self, run_id: str, epochs: float) -> float:
        return _limit(self.estimate_of_more(run_id, epochs))

    def estimate_of_more(self, run_id: str, epochs: float) -> Estimate:
        """What it takes to train a run for more epochs."""
        from tools.training.estimate import estimate
        from tools.training.starting import continued

        run = self.catalog.get(Run, run_id)
        plan, done = continued(self.catalog, self.project, run, epochs)
        return estimate(self.catalog, self.project, self.catalog.get(Dataset, run.dataset_id), plan, done)

    def time_limit(self, run_id: str) -> float:
        """Twice the estimate's upper end, at least ten minutes: a stop for what went wrong, not a race."""
        from tools.training.estimate import estimate

        run = self.catalog.get(Run, run_id)
        dataset = self.catalog.get(Dataset, run.dataset_id)
        return _limit(estimate(self.catalog, self.project, dataset, run.plan))

    def stop_job(self, job: str = "") -> Outcome:
        """Stop a running job (the newest unless named); it saves its work first."""
        found = self.catalog.get(Job, self.job_id(job, active=True))
        if found.order.kind == "serve":
            raise RetortError(f"{found.id} serves a model.", "Say 'stop the deployment'.")
        stopped = jobs.stop(self.catalog, found)
        return Outcome(text=f"{stopped.id} is {stopped.state}; what it made is kept, 'resume' goes on.")

    def resume_job(self, job: str = "") -> Outcome:
        """Go on with a stopped or failed job from what is saved. Needs approval."""
        resumed = jobs.resume(self.catalog, self.catalog.get(Job, self.job_id(job, active=False)))
        return Outcome(text=f"{resumed.id} ({resumed.order.kind}) goes on.")

    # --- trying ---

    def try_model(self, text: str, candidate: str = "") -> Outcome:
        """Let one model answer one input in the chat: 'base', 'best', 'step 60', 'served' or an id."""
        from tools.evaluation.trial import try_model

        if not text.strip():
            raise RetortError("There is no text to try.", "Say 'try: ' and then an input.")
        chosen = self.candidate_id(candidate)
        answer = try_model(self.catalog, self.project, chosen, text)
        name = self.label(chosen)
        return Outcome(text=f"{name} answered.", show=(Show(kind="trial", ids=(name, text, answer)),))

    # --- deployment ---

    def deploy(self, checkpoint: str = "best", mode: Literal["", "adapter", "merged"] = "") -> Outcome:
        """Serve a checkpoint ('best', 'step 60', an id, or 'base') with vLLM on loopback. `mode` '' is an adapter on a
        GPU and merged into the base on a CPU, where vLLM's adapters are several times slower. Needs approval."""
        from tools.deployment.starting import deploy

        chosen = self.checkpoint_id(checkpoint)
        record = None if chosen == "base" else self.catalog.get(Checkpoint, chosen)
        deployment, job = deploy(self.catalog, self.project, record, mode or self.serving_mode())
        text = f"Starting {deployment.id} with {self.label(chosen)} ({job.id}); it takes a minute or two."
        return Outcome(text=text, show=(Show(kind="deployment", ids=(deployment.id,)),))

    def check_served(self, deployment: str = "") -> Outcome:
        """Ask the served model all rows of the sealed test and compare with what was scored. Needs approval."""
        served = self.catalog.get(Deployment, self.deployment_id(deployment))
        if served.state != "serving":
            raise RetortError(f"{served.id} is still {served.state}.", "Wait until it serves, then check it.")
        job = jobs.launch(self.catalog, self.project, self.order_of([served.id], "test"))
        return Outcome(text=f"Started {job.id}: the served model answers the sealed test.")

    def stop_deployment(self, deployment: str = "") -> Outcome:
        """Stop serving a model. Needs approval."""
        from tools.deployment.starting import stop_deployment

        served = self.catalog.get(Deployment, self.deployment_id(deployment))
        stop_deployment(self.catalog, self.project, served)
        return Outcome(text=f"{served.id} is being stopped.", show=(Show(kind="deployment", ids=(served.id,)),))

    # --- the whole project ---

    def status(self) -> Outcome:
        """Where the project stands: task, samples, dataset, runs, checkpoints, deployments, jobs."""
        found = status(self.catalog, self.project)
        working = " ".join(job_line(job) for job in found.active_jobs) or "Nothing is running."
        text = f"{found.usable} samples are approved. {working}"
        return Outcome(text=text, show=(Show(kind="report", ids=tuple(lines(found))),))

    def costs(self) -> Outcome:
        """What was spent so far: teacher money and machine time."""
        spent = self.catalog.find(Expense, self.project_id)
        usd = sum(one.usd for one in spent)
        minutes = sum(one.seconds for one in spent if one.kind == "compute") / 60
        tokens = sum(one.input_tokens + one.output_tokens for one in spent)
        text = f"Spent so far: ${usd:.2f} on teachers ({tokens:,} tokens) and {minutes:.1f} minutes of compute."
        return Outcome(text=text, show=(Show(kind="costs"),))

    def delete_project(self) -> Outcome:
        """Delete the project with everything in it, for good. Needs approval."""
        project = self.project
        for job in jobs.active(self.catalog, project.id):
            ended = jobs.wait(self.catalog, jobs.stop(self.catalog, job), DELETE_GRACE_S)
            if ended.active:
                raise RetortError(f"{job.id} does not stop.", "Wait a moment and delete the project again.")
        folder = self.catalog.folder(project)
        self.catalog.delete(project)  # first the records: files without records are only lost space
        shutil.rmtree(folder, ignore_errors=True)
        return Outcome(text=f"Deleted the project {project.name!r} with all its files.")
