"""The messages of a conversation as people see them: what was shown, and the entries of the transcript."""

from collections.abc import Sequence
from typing import Any, Literal

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolMessage
from pydantic import TypeAdapter

from agent.references import Cards
from agent.transcript import Entry, Outcome, Show
from tools.records import JsonObject

EVENT = "event"  # name of a HumanMessage that the product wrote: it never counts as the user's words
NOTICE = "notice"  # name of one that only the person sees: a failure told with its fix
_TALLIED = {"approve_samples": "approved", "edit_sample": "edited", "reject_samples": "rejected"}
_SHOWS = TypeAdapter(tuple[Show, ...])


def shows_of(message: AnyMessage) -> tuple[Show, ...]:
    return _SHOWS.validate_python(message.additional_kwargs.get("show", ()))


def shown(messages: Sequence[AnyMessage]) -> Cards:
    """What these messages have shown: samples, those of the last card in its order and all, and the last match."""
    shown_cards = [show.ids for message in messages for show in shows_of(message) if show.kind == "samples"]
    seen = dict.fromkeys(one for card in shown_cards for one in card)
    met = [show.ids[0] for message in messages for show in shows_of(message) if show.kind == "arena"]
    return Cards(last=shown_cards[-1] if shown_cards else (), seen=tuple(seen), match=met[-1] if met else "")


def event(id_: str, text: str, shows: Sequence[Show] = (), name: Literal["event", "notice"] = "event") -> HumanMessage:
    """Something that happened, told into the conversation by the product itself."""
    dumped = [show.model_dump(mode="json") for show in shows]
    return HumanMessage(content=text, id=id_, name=name, additional_kwargs={"show": dumped})


def judged(
    messages: Sequence[AnyMessage], id_: str, verb: str, arguments: JsonObject, outcome: Outcome
) -> HumanMessage:
    """What the user judged by hand. One after another they make one event that counts, so hundreds fill no chat."""
    last = messages[-1] if messages else None
    known = last.additional_kwargs.get("tally") if isinstance(last, HumanMessage) else None
    named = arguments.get("samples") if verb in _TALLIED else None
    number = len(named) if isinstance(named, list) else 1
    if verb not in _TALLIED:
        return event(id_, outcome.text, outcome.show)
    tally = {**(known or {})}
    tally[_TALLIED[verb]] = tally.get(_TALLIED[verb], 0) + number
    counted = ", ".join(f"{count} {word}" for word, count in tally.items())
    text = f"{outcome.text} ({counted} in a row.)" if known else outcome.text
    told = event(str(last.id) if known and last else id_, text, outcome.show)
    return told.model_copy(update={"additional_kwargs": {**told.additional_kwargs, "tally": tally}})


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
        return decided if declined else [*decided, Entry(id=id_, role="assistant", text=text, show=shows)]
    return []


def _decision(decision: dict[str, Any] | None, id_: str) -> list[Entry]:
    """The user's yes or no as the user's turn; a no that goes on as a message is told by that message."""
    if not decision or decision.get("follows"):
        return []
    words = decision.get("note") or ("Approved." if decision["approved"] else "Declined.")
    return [Entry(id=id_, role="user", text=words)]


def _text(message: AnyMessage) -> str:
    return message.text.strip()
