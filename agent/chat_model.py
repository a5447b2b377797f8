"""Who leads the conversation: a chat model behind an OpenAI-compatible endpoint, or the guide that needs none."""

import importlib
from collections.abc import Sequence
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, SystemMessage

from agent.cards import EVENT, NOTICE
from agent.command import storable
from agent.guide.guide import Guide
from agent.status import ProjectStatus, lines
from agent.toolbox import tool_schemas
from prompts import render
from tools.errors import RetortError
from tools.records import new_id
from tools.settings import Settings

TIMEOUT_S = 120.0
REMEMBERED = 80  # messages sent to the model; the status block carries what older ones led to


def chat_model(chosen: Settings) -> BaseChatModel:
    """The chat model of the settings, or the guide when none is named. Asks nothing of the network."""
    if not chosen.chat_model:
        return Guide()
    key = chosen.chat_api_key.get_secret_value()
    if not key:
        raise RetortError(
            f"The chat model {chosen.chat_model!r} has no key.",
            "Set RETORT_CHAT_API_KEY (any text will do if the endpoint needs none), or unset "
            "RETORT_CHAT_MODEL to use the guide.",
        )
    from langchain_openai import ChatOpenAI

    return ChatOpenAI(
        model=chosen.chat_model,
        base_url=chosen.chat_base_url,
        api_key=chosen.chat_api_key,
        timeout=TIMEOUT_S,
        max_retries=2,
        use_responses_api=False,
    )


def ask(model: BaseChatModel, status: ProjectStatus, messages: Sequence[AnyMessage]) -> AIMessage:
    """The model's next message, with ids of our own. RetortError when the endpoint fails; nothing is changed then."""
    system = SystemMessage(
        content=render("agent/system", status="\n".join(lines(status))),
        additional_kwargs={"status": status.model_dump(mode="json")},
    )
    spoken = [message for message in messages if message.name != NOTICE]
    bound = model.bind_tools(tool_schemas())
    if isinstance(model, Guide):
        return _own(bound.invoke([system, *spoken]))
    openai = importlib.import_module("openai")  # loaded already, by the model
    try:
        return _own(bound.invoke([system, *_recent([_as_sent(message) for message in spoken])]))
    except openai.OpenAIError as error:
        raise _told(error) from error
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise RetortError(
            f"The chat model's answer could not be read ({type(error).__name__}: {error}).",
            "Check that RETORT_CHAT_BASE_URL is an OpenAI-compatible endpoint, then send your message again.",
        ) from error


def _recent(messages: list[AnyMessage]) -> list[AnyMessage]:
    """The newest messages, from a human one on: a tool's answer never stands without its call."""
    start = max(0, len(messages) - REMEMBERED)
    human = [place for place, one in enumerate(messages) if isinstance(one, HumanMessage)]
    later = [place for place in human if place >= start]
    return messages[later[0] if later else human[-1] if human else 0 :]


def _as_sent(message: AnyMessage) -> AnyMessage:
    """The message as a model should read it: events marked as not the user's, files named with their ids."""
    if not isinstance(message, HumanMessage):
        return message
    if message.name == EVENT:
        return HumanMessage(content=f"[event, not written by the user] {message.content}", name=EVENT)
    files = ", ".join(f"{one['name']} ({one['id']})" for one in message.additional_kwargs.get("files", []))
    return HumanMessage(content=f"{message.content}\n[files: {files}]") if files else message


def _own(reply: Any) -> AIMessage:
    """The reply under ids of our own: an endpoint that repeats an id must not replace an earlier message or act.

    A call whose arguments are no JSON object is kept as a call with an argument no verb knows, so that it is
    answered with that error like any other.
    """
    if not isinstance(reply, AIMessage):
        raise TypeError(f"expected an AIMessage, got {type(reply).__name__}")
    calls = [
        {
            "name": one["name"],
            "args": one["args"] if storable(one["args"]) else {"unreadable": str(one["args"])[:200]},
            "id": new_id("call"),
        }
        for one in reply.tool_calls
    ]
    calls += [
        {"name": one["name"] or "unnamed", "args": {"unreadable": str(one["args"])}, "id": new_id("call")}
        for one in reply.invalid_tool_calls
    ]
    kept = {name: reply.additional_kwargs[name] for name in ("asked", "told") if name in reply.additional_kwargs}
    return AIMessage(content=reply.text, id=new_id("said"), tool_calls=calls, additional_kwargs=kept)


def _told(error: Exception) -> RetortError:
    """An endpoint's failure as problem and fix."""
    openai = importlib.import_module("openai")
    said = str(getattr(error, "message", "") or error)[:300]
    if isinstance(error, openai.APITimeoutError):
        return RetortError(
            f"The chat model did not answer within {TIMEOUT_S:.0f} s.",
            "Send your message again; the conversation has been kept.",
        )
    if isinstance(error, openai.APIConnectionError):
        return RetortError(
            f"The chat model's endpoint cannot be reached ({said}).",
            "Check RETORT_CHAT_BASE_URL and the network, then send your message again; the conversation has been kept.",
        )
    if isinstance(error, openai.AuthenticationError | openai.PermissionDeniedError):
        return RetortError(f"The chat model's endpoint refused the key ({said}).", "Correct RETORT_CHAT_API_KEY.")
    if isinstance(error, openai.NotFoundError):
        return RetortError(f"The endpoint does not know the chat model ({said}).", "Correct RETORT_CHAT_MODEL.")
    if isinstance(error, openai.RateLimitError):
        return RetortError(
            f"The chat model's endpoint has reached its limit ({said}).", "Wait a moment, then send your message again."
        )
    return RetortError(
        f"The chat model's endpoint failed ({said}).", "Send your message again; the conversation has been kept."
    )
