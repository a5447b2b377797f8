"""The verbs in one place: their schemas for the model, the exact arguments of a call, and the call itself.

Two hops: a click or a command -> a verb (`*_verbs.py`) -> the stage's function.
"""

import inspect
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError, create_model

from agent.coverage_verbs import CoverageVerbs
from agent.data_verbs import DataVerbs, care_of
from agent.dataset_verbs import DatasetVerbs
from agent.document_verbs import DocumentVerbs
from agent.judging_verbs import JudgingVerbs
from agent.model_verbs import ModelVerbs
from agent.review_verbs import ReviewVerbs
from agent.score_verbs import ScoreVerbs
from agent.task_verbs import TaskVerbs
from agent.transcript import Outcome
from tools.errors import RetortError
from tools.records import JsonObject
from tools.settings import settings

VERBS = tuple(
    name
    for verbs in (
        TaskVerbs,
        CoverageVerbs,
        DocumentVerbs,
        DataVerbs,
        ReviewVerbs,
        DatasetVerbs,
        ModelVerbs,
        ScoreVerbs,
        JudgingVerbs,
    )
    for name, member in vars(verbs).items()
    if inspect.isfunction(member) and not name.startswith("_") and member.__annotations__.get("return") is Outcome
)


class Toolbox(DataVerbs, ReviewVerbs, DatasetVerbs, ModelVerbs, ScoreVerbs, JudgingVerbs):
    """All verbs on one project, and the one door to them that model, guide and page share."""

    def call(self, verb: str, arguments: JsonObject) -> Outcome:
        """Run a verb with its arguments as said or as settled. RetortError tells what the user can do about it."""
        settled = self.settle(verb, arguments)
        method: Callable[..., Outcome] = getattr(self, verb)
        return method(**settled)

    def settle(self, verb: str, arguments: JsonObject) -> JsonObject:
        """The exact arguments a call will run with: defaults filled in, numbers and 'best' turned into ids.

        An approval shows and binds these, so that nothing can change between the question and the act.
        """
        settled = self._validated(verb, arguments)
        for name, value in settled.items():
            settled[name] = self._resolved(verb, name, value)
        if verb in ("generate_samples", "aim_at_failures"):
            limits = self.generation_limits(int(str(settled["count"])), care_of(settled))
            settled |= {name: limit for name, limit in limits.items() if settled[name] is None}
        if verb == "deploy" and not settled["mode"]:
            settled["mode"] = self.serving_mode()
        if verb == "confirm_rule" and settings().teacher_model:
            limits = self.screening_limits(str(settled["rule"]))
            settled |= {name: limit for name, limit in limits.items() if settled[name] is None}
        if verb == "evaluate" and settled["max_usd"] is None:
            split: Literal["dev", "test"] = "dev" if settled["split"] == "dev" else "test"
            settled["max_usd"] = self.answers_limit(_texts(settled["candidates"]), split)
        if verb == "judge_answers" and settled["max_usd"] is None:
            settled["max_usd"] = self.verdicts_limit(int(str(settled["count"])))
        if verb == "learning_curve" and settled["max_minutes"] is None:
            settled["max_minutes"] = self.curve_limit(str(settled["run"]))
        if verb == "start_training" and settled["max_minutes"] is None:
            settled["max_minutes"] = self.time_limit(str(settled["run"]))
        if verb == "continue_training" and settled["max_minutes"] is None:
            more = float(str(settled["epochs"]))
            settled["max_minutes"] = self.time_limit_of_more(str(settled["run"]), more)
        return settled

    def _validated(self, verb: str, arguments: JsonObject) -> JsonObject:
        if verb not in VERBS:
            raise RetortError(f"There is no verb {verb!r}.", f"The verbs are {', '.join(VERBS)}.")
        try:
            read = _models()[verb].model_validate(arguments)
        except ValidationError as error:
            told = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
            raise RetortError(
                f"{verb} cannot read its arguments: {told}.", "Correct them and call it again."
            ) from error
        dumped: JsonObject = read.model_dump(mode="json")
        return dumped

    def _resolved(self, verb: str, name: str, value: JsonValue) -> JsonValue:
        one: dict[tuple[str, str], Callable[[str], str]] = {
            ("edit_sample", "sample"): self.sample_id,
            ("confirm_rule", "rule"): self.rule_id,
            ("draft_samples", "like"): lambda said: self.sample_id(said) if said else "",
            ("import_rows", "file"): self.upload_id,
            ("show_document", "document"): self.document_id,
            ("remove_source", "document"): self.document_id,
            ("start_training", "run"): self.planned_run,
            ("continue_training", "run"): self.trained_run,
            ("deploy", "checkpoint"): self.checkpoint_id,
            ("learning_curve", "run"): self.finished_run,
            ("check_forgetting", "checkpoint"): self.checkpoint_id,
            ("aim_at_failures", "cluster"): self.cluster_name,
            ("vote", "match"): self.match_id,
            ("try_model", "candidate"): self.candidate_id,
            ("check_served", "deployment"): self.deployment_id,
            ("stop_deployment", "deployment"): self.deployment_id,
            ("stop_job", "job"): lambda said: self.job_id(said, active=True),
            ("resume_job", "job"): lambda said: self.job_id(said, active=False),
        }
        many: dict[tuple[str, str], Callable[[Sequence[str]], list[str]]] = {
            ("approve_samples", "samples"): self.sample_ids,
            ("reject_samples", "samples"): self.sample_ids,
            ("propose_rule", "samples"): lambda said: self.sample_ids(said) if said else [],
            ("evaluate", "candidates"): self.candidate_ids,
            ("ocr", "documents"): self.scanned_ids,
            ("add_files", "files"): lambda said: [self.upload_id(name) for name in said],
        }
        if resolve := one.get((verb, name)):
            return resolve(str(value))
        if resolve_all := many.get((verb, name)):
            return list[JsonValue](resolve_all(_texts(value)))
        return value


def tool_schemas() -> list[dict[str, Any]]:
    """The verbs as function tools of the OpenAI chat protocol, made from signatures and docstrings."""
    return [
        {
            "type": "function",
            "function": {
                "name": verb,
                "description": inspect.getdoc(getattr(Toolbox, verb)) or "",
                "parameters": model.model_json_schema(),
            },
        }
        for verb, model in _models().items()
    ]


@cache
def _models() -> dict[str, type[BaseModel]]:
    """A validating model of each verb's arguments; an argument the verb does not know is an error."""
    found: dict[str, type[BaseModel]] = {}
    for verb in VERBS:
        parameters = inspect.signature(getattr(Toolbox, verb)).parameters
        fields: dict[str, Any] = {
            name: (one.annotation, ... if one.default is inspect.Parameter.empty else one.default)
            for name, one in parameters.items()
            if name != "self"
        }
        found[verb] = create_model(verb, __config__=ConfigDict(extra="forbid"), **fields)
    return found


def _texts(value: JsonValue) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else [str(value)]
