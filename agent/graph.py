"""The agent on one page: think -> approve -> act -> think ..., one tool call at a time, durable after every step."""

import logging
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, NotRequired, TypeAlias, TypedDict

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AnyMessage, ToolCall, ToolMessage
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, StateGraph, add_messages
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import interrupt

from agent.approval import approval_for, digest_of, risk_of
from agent.cards import shown
from agent.ledger import FILE, Decision, Ledger
from agent.model import ask
from agent.status import status
from agent.toolbox import Toolbox
from agent.transcript import Approval, Outcome
from tools.catalog import Catalog
from tools.errors import NotFound, RetortError
from tools.records import JsonObject, new_id

log = logging.getLogger(__name__)


class Conversation(TypedDict):
    """What is kept of a chat: the messages, the approval asked for, the settled arguments of the call granted."""

    messages: Annotated[list[AnyMessage], add_messages]
    asked: NotRequired[JsonObject]
    granted: NotRequired[JsonObject]


Graph: TypeAlias = CompiledStateGraph[Conversation, Any, Any, Any]


Model: TypeAlias = Callable[[], BaseChatModel]  # asked for at each thought: a missing key is told in the chat


def build(catalog: Catalog, project_id: str, model: Model, ledger: Ledger, saver: SqliteSaver) -> Graph:
    """The graph of one project's conversation."""
    nodes = Nodes(catalog, project_id, model, ledger)
    graph = StateGraph(Conversation)
    graph.add_node("think", nodes.think)
    graph.add_node("approve", nodes.approve)
    graph.add_node("act", nodes.act)
    graph.add_edge(START, "think")
    graph.add_conditional_edges("think", nodes.after_think, ["approve", END])
    graph.add_conditional_edges("approve", nodes.after_approve, ["act", "approve", "think", END])
    graph.add_conditional_edges("act", nodes.after_act, ["approve", "think", END])
    return graph.compile(checkpointer=saver)


def open_saver(home: Path) -> SqliteSaver:
    """The checkpointer on the home's conversation file; it rebuilds plain messages only, never arbitrary objects."""
    connection = sqlite3.connect(home / FILE, check_same_thread=False, timeout=15)
    connection.execute("PRAGMA synchronous=FULL")
    return SqliteSaver(connection, serde=JsonPlusSerializer(pickle_fallback=False, allowed_msgpack_modules=None))


class Nodes:
    """The three steps. Whatever a model says passes `approve`; whatever is done is done in `act`."""

    def __init__(self, catalog: Catalog, project_id: str, model: Model, ledger: Ledger) -> None:
        self.catalog, self.project_id, self.model, self.ledger = catalog, project_id, model, ledger

    def think(self, state: Conversation) -> dict[str, Any]:
        project = Toolbox(self.catalog, self.project_id).project
        return {"messages": [ask(self.model(), status(self.catalog, project), state["messages"])]}

    def approve(self, state: Conversation) -> dict[str, Any]:
        """Settle the next call's arguments and, where the policy says so, wait for the user's own decision.

        A gated call comes here twice: once to put the question, which is kept, and once to wait for its answer. So
        what was shown is what is decided on, however the world has moved in between.
        """
        call = _next_call(state)
        asked = state.get("asked") or {}
        if asked.get("call") == _id(call):
            return self._wait(state, call, Approval.model_validate(asked["approval"]))
        toolbox = self._toolbox(state)
        try:
            arguments = toolbox.settle(call["name"], call["args"])
            risk = risk_of(toolbox, call["name"], arguments, state["messages"])
            if risk is None:
                return {"granted": {"call": _id(call), "arguments": arguments}}
            approval = approval_for(toolbox, _id(call), call["name"], arguments, risk)
        except Exception as error:  # noqa: BLE001  the edge: a call that cannot even be asked about is answered
            return {"messages": [_problem(call, error)]}
        return {"asked": {"call": _id(call), "approval": approval.model_dump(mode="json")}}

    def _wait(self, state: Conversation, call: ToolCall, approval: Approval) -> dict[str, Any]:
        question = approval.model_dump(mode="json")
        decision = self._decided(interrupt(question), approval.digest)
        while decision is None:  # a resume that no recorded decision stands behind changes nothing
            decision = self._decided(interrupt(question), approval.digest)
        if decision.approved:
            return {"granted": {"call": _id(call), "arguments": approval.arguments}}
        calls = _open_calls(state) if decision.follows else [call]
        return {"messages": [_declined(one, decision) for one in calls]}

    def act(self, state: Conversation) -> dict[str, Any]:
        """Run the granted call, once; a gated one only on a recorded approval of exactly these arguments."""
        call, granted = _next_call(state), state["granted"]
        verb, arguments = call["name"], granted["arguments"]
        if not isinstance(arguments, dict) or granted["call"] != _id(call):
            raise RuntimeError(f"{verb} was reached without a grant")  # the graph has no such way
        digest = digest_of(_id(call), verb, arguments)
        toolbox, decision = self._toolbox(state), self.ledger.decision(digest)
        try:
            gated = risk_of(toolbox, verb, arguments, state["messages"]) is not None
            if gated and not (decision and decision.approved):
                raise RetortError(f"{verb} was not approved.", "Ask for it again and approve it.")
            outcome = self._once(toolbox, verb, arguments, digest) if decision else toolbox.call(verb, arguments)
        except Exception as error:  # noqa: BLE001  the toolbox's edge: every failure is told, none ends the chat
            return {"messages": [_problem(call, error, decision)]}
        return {"messages": [_answer(call, outcome, decision)]}

    def _once(self, toolbox: Toolbox, verb: str, arguments: JsonObject, digest: str) -> Outcome:
        """An approval is good for one act, also across a crash between the act and its being remembered."""
        if self.ledger.begin(digest):
            outcome = toolbox.call(verb, arguments)
            self.ledger.finish(digest, outcome)
            return outcome
        if (known := self.ledger.outcome(digest)) is not None:
            return known
        raise RetortError(
            f"Retort was stopped while it did {verb}; it may or may not have happened.",
            "Ask for the status, and for the step again if it did not.",
        )

    def _decided(self, resumed_with: object, digest: str) -> Decision | None:
        """The recorded decision that this resume quotes; None when it quotes none, or another action's."""
        quoted = resumed_with.get("digest") if isinstance(resumed_with, dict) else None
        return self.ledger.decision(digest) if quoted == digest else None

    def _toolbox(self, state: Conversation) -> Toolbox:
        return Toolbox(self.catalog, self.project_id, shown(state["messages"]))

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
        return END if decision.get("follows") or self._gone() else "think"

    def _gone(self) -> bool:
        try:
            return not Toolbox(self.catalog, self.project_id).project
        except NotFound:
            return True


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
        text = f"{call['name']} failed unexpectedly ({type(error).__name__}: {error}). Try again; the log has more."
    return _answer(call, Outcome(text=text), decision).model_copy(update={"status": "error"})
