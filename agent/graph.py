"""The agent on one page: think -> approve -> act -> think ..., one tool call at a time, durable after every step."""

import logging
from collections.abc import Callable, Sequence
from typing import Annotated, Any, NotRequired, TypeAlias, TypedDict

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolCall, ToolMessage
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, StateGraph, add_messages
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import interrupt

from agent.chat_model import ask
from agent.command import COMMANDS, Call, Here, need
from agent.gate import Decision, Ledger, approval_for, digest_of, here_at, risk_of
from agent.phrase import parse
from agent.status import status
from agent.transcript import Approval, Outcome
from tools.catalog import Catalog
from tools.errors import NotFound, RetortError, ToConfirm
from tools.records import JsonObject, Project, new_id

log = logging.getLogger(__name__)


class Conversation(TypedDict):
    """What is kept of a chat: the messages, the approval asked for, and the call granted with its exact arguments."""

    messages: Annotated[list[AnyMessage], add_messages]
    asked: NotRequired[JsonObject]
    granted: NotRequired[JsonObject]


Graph: TypeAlias = CompiledStateGraph[Conversation, Any, Any, Any]


Model: TypeAlias = Callable[[], BaseChatModel]  # asked for at each thought: a missing key is told in the chat


def build(
    catalog: Catalog, project_id: str, model: Model, ledger: Ledger, saver: SqliteSaver, *, by_rules: Callable[[], bool]
) -> Graph:
    """The graph of one project's conversation; `by_rules` tells at each thought whether no language model leads it."""
    nodes = Nodes(catalog, project_id, model, ledger, by_rules=by_rules)
    graph = StateGraph(Conversation)
    graph.add_node("think", nodes.think)
    graph.add_node("approve", nodes.approve)
    graph.add_node("act", nodes.act)
    graph.add_edge(START, "think")
    graph.add_conditional_edges("think", nodes.after_think, ["approve", END])
    graph.add_conditional_edges("approve", nodes.after_approve, ["act", "approve", "think", END])
    graph.add_conditional_edges("act", nodes.after_act, ["approve", "think", END])
    return graph.compile(checkpointer=saver)


class Nodes:
    """The three steps. Whatever a model says passes `approve`; whatever is done is done in `act`."""

    def __init__(
        self, catalog: Catalog, project_id: str, model: Model, ledger: Ledger, *, by_rules: Callable[[], bool]
    ) -> None:
        self.catalog, self.project_id, self.model, self.ledger = catalog, project_id, model, ledger
        self.by_rules = by_rules

    def think(self, state: Conversation) -> dict[str, Any]:
        """The model's next message; where rules lead, an exact command of the user's is the call itself."""
        if self.by_rules() and (said := _exact(state["messages"])):
            return {"messages": [said]}
        project = self.catalog.get(Project, self.project_id)
        return {"messages": [ask(self.model(), status(self.catalog, project), state["messages"])]}

    def approve(self, state: Conversation) -> dict[str, Any]:
        """Settle the next call's arguments and, where its declaration says so, wait for the user's own decision.

        A gated call comes here twice: once to put the question, which is kept, and once to wait for its answer. So
        what was shown is what is decided on and what is run, however the world has moved in between.
        """
        called = _next_call(state)
        asked = state.get("asked") or {}
        if asked.get("call") == _id(called):
            return self._wait(state, called, Approval.model_validate(asked["approval"]))
        here = self._here(state)
        try:
            call = need(called["name"]).settle(here, called["args"])
            risk = risk_of(here, call, state["messages"])
            if risk is None:
                return {"granted": _granted(called, call.json, gated=False)}
            approval = approval_for(here, _id(called), call, risk)
        except Exception as error:  # noqa: BLE001  the edge: a call that cannot even be asked about is answered
            return {"messages": [_problem(called, error)]}
        return {"asked": {"call": _id(called), "approval": approval.model_dump(mode="json")}}

    def _wait(self, state: Conversation, called: ToolCall, approval: Approval) -> dict[str, Any]:
        question = approval.model_dump(mode="json")
        decision = self._decided(interrupt(question), approval.digest)
        while decision is None:  # a resume that no recorded decision stands behind changes nothing
            decision = self._decided(interrupt(question), approval.digest)
        if decision.approved:
            return {"granted": _granted(called, approval.arguments, gated=True)}
        calls = _open_calls(state) if decision.follows else [called]
        return {"messages": [_declined(one, decision) for one in calls]}

    def act(self, state: Conversation) -> dict[str, Any]:
        """Run the granted call as it stands; a gated one only on a recorded approval of exactly these arguments."""
        called, granted = _next_call(state), state["granted"]
        verb, arguments = called["name"], granted["arguments"]
        if not isinstance(arguments, dict) or granted["call"] != _id(called):
            raise RuntimeError(f"{verb} was reached without a grant")  # the graph has no such way
        digest = digest_of(_id(called), verb, arguments)
        decision = self.ledger.decision(digest)
        try:
            if granted.get("gated") is not False and not (decision and decision.approved):
                raise RetortError(f"{verb} was not approved.", "Ask for it again and approve it.")
            call, here = need(verb).exactly(arguments), self._here(state)
            outcome = self._once(call, here, digest) if decision else call.run(here)
        except Exception as error:  # noqa: BLE001  the edge of all commands: every failure is told, none ends the chat
            return {"messages": [_problem(called, error, decision)]}
        return {"messages": [_answer(called, outcome, decision)]}

    def _once(self, call: Call, here: Here, digest: str) -> Outcome:
        """An approval is good for one act, also across a crash between the act and its being remembered."""
        if self.ledger.begin(digest):
            outcome = call.run(here)
            self.ledger.finish(digest, outcome)
            return outcome
        if (known := self.ledger.outcome(digest)) is not None:
            return known
        raise RetortError(
            f"Retort was stopped while it was running {call.command.name}; the step may or may not have happened.",
            "Ask for the status, and ask for the step again if it did not happen.",
        )

    def _decided(self, resumed_with: object, digest: str) -> Decision | None:
        """The recorded decision that this resume quotes; None when it quotes none, or another action's."""
        quoted = resumed_with.get("digest") if isinstance(resumed_with, dict) else None
        return self.ledger.decision(digest) if quoted == digest else None

    def _here(self, state: Conversation) -> Here:
        return here_at(self.catalog, self.project_id, state["messages"])

    # --- the way on ---

    def after_think(self, state: Conversation) -> str:
        return "approve" if _open_calls(state) else END

    def after_approve(self, state: Conversation) -> str:
        calls = _open_calls(state)
        if calls and state.get("granted", {}).get("call") == _id(calls[0]):
            return "act"
        return self.after_act(state)

    def after_act(self, state: Conversation) -> str:
        if _open_calls(state):
            return "approve"
        decision = state["messages"][-1].additional_kwargs.get("decision") or {}
        return END if decision.get("follows") or by_hand(state["messages"]) or self._gone() else "think"

    def _gone(self) -> bool:
        try:
            return not self.catalog.get(Project, self.project_id)
        except NotFound:
            return True


def _exact(messages: Sequence[AnyMessage]) -> AIMessage | None:
    """The call that the user's newest message says exactly, if it is a command that lacks nothing."""
    last = messages[-1]
    if not isinstance(last, HumanMessage) or last.name is not None or last.additional_kwargs.get("files"):
        return None
    said = parse(str(last.content))
    known = COMMANDS.get(said.verb) if said else None
    if said is None or known is None or known.lacks(said.arguments):
        return None
    call = ToolCall(name=said.verb, args=dict(said.arguments), id=new_id("call"))
    return AIMessage(content="", id=new_id("said"), tool_calls=[call])


def call_by_hand(verb: str, arguments: JsonObject, *, own: bool) -> AIMessage:
    """A call that no model made but a person or a program at another face: no model is asked afterwards.

    `own`: a person typed it, at a terminal of their own. Sessions alone make such a message; a model cannot.
    """
    call = ToolCall(name=verb, args=dict(arguments), id=new_id("call"))
    return AIMessage(content="", id=new_id("said"), tool_calls=[call], additional_kwargs={"by_hand": True, "own": own})


def by_hand(messages: Sequence[AnyMessage]) -> bool:
    """Whether the last calls came from another face and not from the model."""
    last = next((one for one in reversed(messages) if isinstance(one, AIMessage)), None)
    return last is not None and "by_hand" in last.additional_kwargs


def by_program(messages: Sequence[AnyMessage]) -> bool:
    """Whether the last calls came from another face without a person having typed them there."""
    last = next((one for one in reversed(messages) if isinstance(one, AIMessage)), None)
    return last is not None and last.additional_kwargs.get("own") is False


def close_calls(messages: Sequence[AnyMessage], text: str) -> list[ToolMessage]:
    """Answers to calls that will not be made, so that no call stays without one."""
    return [_answer(call, Outcome(text=text), None) for call in _unanswered(messages)]


def _open_calls(state: Conversation) -> list[ToolCall]:
    return _unanswered(state["messages"])


def _unanswered(messages: Sequence[AnyMessage]) -> list[ToolCall]:
    """Calls of the last model message that have no answer yet, in order."""
    last = next((one for one in reversed(messages) if isinstance(one, AIMessage)), None)
    answered = {one.tool_call_id for one in messages if isinstance(one, ToolMessage)}
    return [call for call in last.tool_calls if _id(call) not in answered] if last else []


def _next_call(state: Conversation) -> ToolCall:
    return _open_calls(state)[0]


def _granted(called: ToolCall, arguments: JsonObject, *, gated: bool) -> JsonObject:
    return {"call": _id(called), "arguments": arguments, "gated": gated}


def _id(call: ToolCall) -> str:
    return str(call["id"])


def _answer(call: ToolCall, outcome: Outcome, decision: Decision | None) -> ToolMessage:
    kept: dict[str, Any] = {"show": [show.model_dump(mode="json") for show in outcome.show]}
    if decision:
        kept["decision"] = decision.model_dump(mode="json")
    return ToolMessage(
        outcome.text, tool_call_id=_id(call), name=call["name"], id=new_id("done"), additional_kwargs=kept
    )


def _declined(call: ToolCall, decision: Decision) -> ToolMessage:
    said = f"The user declined: {decision.note}" if decision.note else "The user declined."
    return _answer(call, Outcome(text=said), decision)


def _problem(call: ToolCall, error: Exception, decision: Decision | None = None) -> ToolMessage:
    if isinstance(error, RetortError):
        text = str(error)
    else:
        log.exception("%s failed", call["name"], exc_info=error)
        text = (
            f"{call['name']} failed unexpectedly ({type(error).__name__}: {error}). Try again; the log has the details."
        )
    told = _answer(call, Outcome(text=text), decision).model_copy(update={"status": "error"})
    if isinstance(error, ToConfirm):
        told.additional_kwargs["proposed"] = {"verb": call["name"], "arguments": {**call["args"], **error.arguments}}
    return told
