"""The messages of a conversation as people see them: what was shown, and the entries of the transcript."""

import re
from collections.abc import Sequence
from typing import Any, Literal

from langchain_core.messages import AIMessage, AnyMessage, BaseMessage, HumanMessage, ToolMessage
from pydantic import TypeAdapter

from agent.command import Shown, Tongue, need
from agent.transcript import Entry, Outcome, Show
from tools.records import JsonObject

EVENT = "event"  # name of a HumanMessage that the product wrote: it never counts as the user's words
NOTICE = "notice"  # name of one that only the person sees: a failure told with its fix
_SHOWS = TypeAdapter(tuple[Show, ...])


def shows_of(message: AnyMessage) -> tuple[Show, ...]:
    return _SHOWS.validate_python(message.additional_kwargs.get("show", ()))


def shown(messages: Sequence[AnyMessage]) -> Shown:
    """What these messages have shown: samples, those of the last card in its order and all, the last match, and
    whether a comparison; and the user's newest words with the files that came with them."""
    called = last_called(messages)
    if called is not None and called.additional_kwargs.get("own") is True:
        messages = _without_programs(messages)  # at their own terminal a person has not seen what a program was shown
    shown_cards = [show.ids for message in messages for show in shows_of(message) if show.kind == "samples"]
    seen = dict.fromkeys(one for card in shown_cards for one in card)
    met = [show.ids[0] for message in messages for show in shows_of(message) if show.kind == "arena"]
    spoken = last_spoken(messages)
    given = tuple(str(one["id"]) for one in spoken.additional_kwargs.get("files", ())) if spoken else ()
    answers = [message for message in messages if isinstance(message, ToolMessage)]
    return Shown(
        last=shown_cards[-1] if shown_cards else (),
        seen=tuple(seen),
        match=met[-1] if met else "",
        files=given,
        said=str(spoken.content) if spoken else "",
        tongue=tongue_of(messages),
        compared=any(show.kind == "comparison" for message in answers for show in shows_of(message)),
    )


def tongue_of(messages: Sequence[AnyMessage | BaseMessage]) -> Tongue:
    """The language the user speaks: that of their newest message with letters in it."""
    for message in reversed(messages):
        if isinstance(message, HumanMessage) and message.name is None:
            text = str(message.content)
            if re.search(r"[\u4e00-\u9fff]", text):
                return "zh"
            if re.search(r"[A-Za-z]{3}", text):
                return "en"
    return "en"


def last_called(messages: Sequence[AnyMessage]) -> AIMessage | None:
    """The newest message of the model, or of another face in its place."""
    return next((one for one in reversed(messages) if isinstance(one, AIMessage)), None)


def _without_programs(messages: Sequence[AnyMessage]) -> list[AnyMessage]:
    """The messages without what calls of programs answered."""
    calls = [one for one in messages if isinstance(one, AIMessage) and one.additional_kwargs.get("own") is False]
    theirs = {str(call["id"]) for one in calls for call in one.tool_calls}
    return [one for one in messages if not (isinstance(one, ToolMessage) and one.tool_call_id in theirs)]


def last_spoken(messages: Sequence[AnyMessage]) -> HumanMessage | None:
    """The newest human message if the user typed it; an event in between ends what was said before."""
    human = [one for one in messages if isinstance(one, HumanMessage)]
    return human[-1] if human and human[-1].name is None else None


def event(id_: str, text: str, shows: Sequence[Show] = (), name: Literal["event", "notice"] = "event") -> HumanMessage:
    """Something that happened, told into the conversation by the product itself."""
    dumped = [show.model_dump(mode="json") for show in shows]
    return HumanMessage(content=text, id=id_, name=name, additional_kwargs={"show": dumped})


def judged(
    messages: Sequence[AnyMessage], id_: str, verb: str, arguments: JsonObject, outcome: Outcome
) -> HumanMessage:
    """What the user judged by hand. One after another they make one event that counts, so hundreds fill no chat."""
    tallied = need(verb).clicked
    if not tallied or isinstance(tallied, str):
        return event(id_, outcome.text, outcome.show)
    last = messages[-1] if messages else None
    known = last.additional_kwargs.get("tally") if isinstance(last, HumanMessage) else None
    tally = {**(known or {})}
    for word, argument in tallied.items():
        named = arguments.get(argument)
        tally[word] = tally.get(word, 0) + (len(named) if isinstance(named, list) else 1)
    counted = ", ".join(f"{count} {word}" for word, count in tally.items())
    text = f"{outcome.text} ({counted} in a row.)" if known else outcome.text
    made = event(str(last.id) if known and last else id_, text, outcome.show)
    return made.model_copy(update={"additional_kwargs": {**made.additional_kwargs, "tally": tally}})


def entries(messages: Sequence[AnyMessage]) -> list[Entry]:
    """The transcript: the user's words, the model's, what each verb did, what happened meanwhile."""
    return [entry for message in messages for entry in _entries_of(message)]


def _entries_of(message: AnyMessage) -> list[Entry]:
    text, shows, id_ = _text(message), shows_of(message), message.id or ""
    if isinstance(message, HumanMessage):
        if message.name in (EVENT, NOTICE):
            return [Entry(id=id_, role="event", text=text, show=shows)]
        files = [one["name"] for one in message.additional_kwargs.get("files", [])]
        told = "\n".join([*([text] if text else []), *(f"📎 {name}" for name in files)])
        return [Entry(id=id_, role="user", text=told)]
    if isinstance(message, AIMessage):
        return [Entry(id=id_, role="assistant", text=text)] if text else []
    if isinstance(message, ToolMessage):
        decided = _decision(message.additional_kwargs.get("decision"), f"{id_}-decision")
        declined = message.additional_kwargs.get("decision", {}).get("approved") is False
        failed = message.status == "error"
        return (
            decided if declined else [*decided, Entry(id=id_, role="assistant", text=text, show=shows, failed=failed)]
        )
    return []


def _decision(decision: dict[str, Any] | None, id_: str) -> list[Entry]:
    """The user's yes or no as the user's turn; a no that goes on as a message is told by that message."""
    if not decision or decision.get("follows"):
        return []
    words = decision.get("note") or ("Approved." if decision["approved"] else "Declined.")
    return [Entry(id=id_, role="user", text=words)]


def _text(message: AnyMessage) -> str:
    return message.text.strip()
