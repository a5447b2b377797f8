"""What needs the user's own yes, and how that yes is bound to exactly one action. No model has a say here."""

import hashlib
import json
from collections.abc import Callable, Sequence
from typing import Literal

from langchain_core.messages import AnyMessage, HumanMessage, ToolMessage

from agent import cards, words
from agent.data_verbs import care_of
from agent.toolbox import Toolbox
from agent.transcript import Approval
from tools import jobs
from tools.errors import RetortError
from tools.records import (
    CurveOrder,
    Dataset,
    Document,
    Estimate,
    Evaluation,
    EvaluationOrder,
    GuardOrder,
    Job,
    JsonObject,
    JudgingOrder,
    ReadingOrder,
    Rule,
    Run,
    Sample,
    ScreeningOrder,
    SynthesisOrder,
    TrainingOrder,
)
from tools.settings import settings

Risk = Literal["spend", "publish", "overwrite", "delete", "review"]

# The policy. A verb that is in neither table is refused: a new verb must be judged before it can run.
RISK: dict[str, Risk] = {
    "generate_samples": "spend",
    "start_training": "spend",
    "continue_training": "spend",
    "resume_job": "spend",
    "evaluate": "spend",
    "aim_at_failures": "spend",
    "judge_answers": "spend",
    "check_forgetting": "spend",
    "learning_curve": "spend",
    "check_served": "spend",
    "deploy": "publish",
    "stop_deployment": "publish",
    "delete_project": "delete",
    "ocr": "review",
    "remove_source": "delete",
    "approve_samples": "review",
    "edit_sample": "review",
    "reject_samples": "review",
    "undo_review": "review",
    "set_policy": "review",
    "vote": "review",
}
FREE = frozenset(
    (
        "add_files",
        "show_documents",
        "show_document",
        "label_inputs",
        "set_coverage",
        "show_coverage",
        "show_request",
        "show_samples",
        "show_answers",
        "review_samples",
        "propose_rule",
        "show_rules",
        "show_policy",
        "freeze_dataset",
        "export_dataset",
        "dataset_card",
        "dataset_difference",
        "propose_plan",
        "stop_job",
        "diagnose",
        "compare_checkpoints",
        "show_rows",
        "show_failures",
        "arena",
        "show_ranking",
        "set_rubric",
        "write_report",
        "try_model",
        "status",
        "costs",
    )
)


def risk_of(toolbox: Toolbox, verb: str, arguments: JsonObject, messages: Sequence[AnyMessage]) -> Risk | None:
    """What approval this call needs now; None when it may run at once. Arguments must be settled."""
    if verb in FREE:
        return None
    risk = RISK.get(verb) or _risk_by_case(toolbox, verb, arguments, messages)
    if risk == "review" and _user_said_so(toolbox, verb, arguments, messages):
        return None
    return risk


def _risk_by_case(toolbox: Toolbox, verb: str, arguments: JsonObject, messages: Sequence[AnyMessage]) -> Risk | None:
    match verb:
        case "draft_samples":  # the simulator costs nothing, a teacher does
            return "spend" if settings().teacher_model else None
        case "confirm_rule":  # code screens for nothing, a teacher does not
            return "spend" if settings().teacher_model else "review"
        case "set_task":  # samples were made and judged for the task as it was
            started = sum(toolbox.catalog.count(Sample, toolbox.project_id).values())
            changes = any(value for name, value in arguments.items() if name != "student")
            return "review" if started and changes else None
        case "import_rows":  # rows go in as approved: only from a file that the user has just given
            spoken = _last_spoken(messages)
            given = spoken.additional_kwargs.get("files", []) if spoken else []
            return None if arguments["file"] in [one["id"] for one in given] else "review"
    raise RetortError(
        f"The verb {verb!r} has no place in the approval policy.", "Choose another way; 'help' lists them."
    )


def _user_said_so(toolbox: Toolbox, verb: str, arguments: JsonObject, messages: Sequence[AnyMessage]) -> bool:
    """Whether the user's own latest message is this very command, not yet used.

    Read by the grammar, never by a model. Numbers and 'all' count on what was shown *before* the message, so that
    nothing shown since, on whoever's suggestion, slips in.
    """
    spoken = _last_spoken(messages)
    if spoken is None or spoken.additional_kwargs.get("files"):
        return False
    said = words.parse(str(spoken.content))
    if said is None or said.verb != verb:
        return False
    place = list(messages).index(spoken)
    if any(isinstance(one, ToolMessage) and one.name == verb for one in messages[place:]):
        return False  # said once, done once
    before = Toolbox(toolbox.catalog, toolbox.project_id, cards.shown(messages[:place]))
    try:
        return before.settle(said.verb, said.arguments) == arguments
    except RetortError:
        return False


def _last_spoken(messages: Sequence[AnyMessage]) -> HumanMessage | None:
    """The newest human message if the user typed it; an event in between ends what was said before."""
    human = [one for one in messages if isinstance(one, HumanMessage)]
    return human[-1] if human and human[-1].name is None else None


# --- the approval ------------------------------------------------------------------------------------------------


def digest_of(call_id: str, verb: str, arguments: JsonObject) -> str:
    """SHA-256 of the tool call's id, the verb and its settled arguments in canonical JSON."""
    canonical = json.dumps([call_id, verb, arguments], sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def approval_for(toolbox: Toolbox, call_id: str, verb: str, arguments: JsonObject, risk: Risk) -> Approval:
    """What the user is asked: the exact arguments and what they will take."""
    return Approval(
        verb=verb,
        arguments=arguments,
        estimate=estimate_for(toolbox, verb, arguments),
        risk=risk,
        digest=digest_of(call_id, verb, arguments),
    )


def estimate_for(toolbox: Toolbox, verb: str, arguments: JsonObject) -> Estimate:
    """The stage's own estimate; for verbs that take neither money nor machine time, what they will do."""
    estimates: dict[str, Callable[[Toolbox, JsonObject], Estimate]] = {
        "ocr": _recognition,
        "generate_samples": _synthesis,
        "aim_at_failures": _synthesis,
        "draft_samples": _synthesis,
        "confirm_rule": _screening,
        "start_training": _training,
        "continue_training": _more_training,
        "evaluate": _evaluation,
        "judge_answers": _judging,
        "check_forgetting": _guarding,
        "learning_curve": _learning,
        "check_served": _evaluation,
        "resume_job": _resumption,
        "deploy": _deployment,
        "delete_project": _deletion,
        "remove_source": _removal,
    }
    if estimate := estimates.get(verb):
        return estimate(toolbox, arguments)
    return Estimate(what=verb.replace("_", " ").capitalize())


def _recognition(toolbox: Toolbox, arguments: JsonObject) -> Estimate:
    from tools.documents.ocr import estimate_s

    found = [one for one in toolbox.documents() if one.id in arguments["documents"]]  # type: ignore[operator]
    pages = sum(len(one.scans) for one in found)
    minutes = estimate_s(pages) / 60
    what = f"Read {pages} scanned page{'s' if pages > 1 else ''} of {', '.join(one.name for one in found)} by OCR"
    return Estimate(what=what, minutes_low=minutes / 3, minutes_high=minutes * 2, device="cpu")


def _synthesis(toolbox: Toolbox, arguments: JsonObject) -> Estimate:
    from tools.synthesis.estimate import estimate

    return estimate(toolbox.catalog, toolbox.project, int(str(arguments["count"])), care_of(arguments))


def _screening(toolbox: Toolbox, arguments: JsonObject) -> Estimate:
    from tools.synthesis.screening import estimate

    rule = toolbox.catalog.get(Rule, str(arguments["rule"]))
    if not settings().teacher_model:
        what = f"Reject {rule.matches} samples by the rule “{rule.text}”, and hold later ones to it"
        return Estimate(what=what, notes=(f"Code judges: {', '.join(rule.traits)}.",) if rule.traits else ())
    return estimate(toolbox.catalog, toolbox.project, rule)


def _training(toolbox: Toolbox, arguments: JsonObject) -> Estimate:
    from tools.training.estimate import estimate

    run = toolbox.catalog.get(Run, str(arguments["run"]))
    return estimate(toolbox.catalog, toolbox.project, toolbox.catalog.get(Dataset, run.dataset_id), run.plan)


def _more_training(toolbox: Toolbox, arguments: JsonObject) -> Estimate:
    return toolbox.estimate_of_more(str(arguments["run"]), float(str(arguments["epochs"])))


def _evaluation(toolbox: Toolbox, arguments: JsonObject) -> Estimate:
    from tools.evaluation.estimate import estimate

    if deployment := arguments.get("deployment"):
        order = toolbox.order_of([str(deployment)], "test")
    else:
        order = EvaluationOrder.model_validate({**arguments, "dataset_id": toolbox.newest_dataset().id})
    return estimate(toolbox.catalog, toolbox.project, order)


def _judging(toolbox: Toolbox, arguments: JsonObject) -> Estimate:
    from tools.evaluation.judge import estimate

    return estimate(toolbox.catalog, toolbox.project, toolbox.judging_order(int(str(arguments["count"]))))


def _guarding(_toolbox: Toolbox, arguments: JsonObject) -> Estimate:
    from tools.evaluation.guard import estimate

    return estimate(GuardOrder(candidates=("base", str(arguments["checkpoint"]))))


def _learning(toolbox: Toolbox, arguments: JsonObject) -> Estimate:
    from tools.evaluation.learning import estimate

    return estimate(toolbox.catalog, toolbox.project, toolbox.catalog.get(Run, str(arguments["run"])))


def _resumption(toolbox: Toolbox, arguments: JsonObject) -> Estimate:
    """What the whole order takes: what was done before is not subtracted, so this is the upper side."""
    from tools.evaluation.estimate import estimate as evaluation_estimate
    from tools.evaluation.judge import estimate as judging_estimate

    job = toolbox.catalog.get(Job, str(arguments["job"]))
    order = job.order
    if isinstance(order, ReadingOrder):
        return Estimate(
            what=f"Go on with {job.id}: read the files that are left", minutes_high=1 + len(order.files) / 10
        )
    if isinstance(order, SynthesisOrder):
        whole = _synthesis(toolbox, {"count": order.count, **order.care.model_dump()})
    elif isinstance(order, ScreeningOrder):
        whole = _screening(toolbox, {"rule": order.rule_id})
    elif isinstance(order, TrainingOrder):
        whole = _training(toolbox, {"run": order.run_id})
    elif isinstance(order, EvaluationOrder):
        whole = evaluation_estimate(toolbox.catalog, toolbox.project, order)
    elif isinstance(order, JudgingOrder):
        whole = judging_estimate(toolbox.catalog, toolbox.project, order)
    elif isinstance(order, CurveOrder):
        whole = _learning(toolbox, {"run": order.run_id})
    elif isinstance(order, GuardOrder):
        whole = _guarding(toolbox, {"checkpoint": order.candidates[1]})
    else:
        raise RetortError(f"{job.id} served a model; it is not resumed.", "Say 'deploy best' to serve again.")
    return whole.model_copy(update={"what": f"Go on with {job.id}: {whole.what}", "minutes_low": 0.0, "usd_low": 0.0})


def _deployment(toolbox: Toolbox, arguments: JsonObject) -> Estimate:
    what = f"Serve {toolbox.label(str(arguments['checkpoint']))} ({arguments['mode']}) with vLLM on loopback"
    notes = ("It holds memory and processor time until you stop it.",)
    return Estimate(what=what, minutes_low=0.5, minutes_high=3, notes=notes)


def _removal(toolbox: Toolbox, arguments: JsonObject) -> Estimate:
    from tools.synthesis.removing import samples_of

    document = toolbox.catalog.get(Document, str(arguments["document"]))
    made = samples_of(toolbox.catalog, toolbox.project, document)
    what = f"Remove {document.name} with its {document.passages} passages and the {len(made)} samples from it"
    return Estimate(what=what, notes=("Datasets that are frozen already keep what they hold.",))


def _deletion(toolbox: Toolbox, _arguments: JsonObject) -> Estimate:
    catalog, project = toolbox.catalog, toolbox.project

    def number(kind: type[Document] | type[Sample] | type[Run] | type[Evaluation]) -> int:
        return sum(catalog.count(kind, project.id).values())

    notes = [f"{number(Document)} documents, {number(Sample)} samples, {number(Run)} runs, {number(Evaluation)} scores"]
    notes += [
        f"{job.id} ({job.order.kind}) is running and will be stopped." for job in jobs.active(catalog, project.id)
    ]
    return Estimate(what=f"Delete the project {project.name!r} for good", notes=tuple(notes))
