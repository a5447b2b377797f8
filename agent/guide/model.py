"""The guide as a chat model: same graph, same tools, same approvals, but rules where a language model would think."""

import re
from collections.abc import Callable, Sequence
from pathlib import PurePath
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolCall, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool

from agent.field_words import describes
from agent.guide import phrases
from agent.guide.asking import next_question, read_answer
from agent.guide.phrases import Tongue
from agent.guide.proposing import propose
from agent.guide.understanding import understand
from agent.status import ProjectStatus
from agent.words import Said, parse
from tools.records import JsonObject, new_id

TABLES = (".json", ".jsonl", ".ndjson", ".csv", ".tsv", ".parquet")
_GREETING = re.compile(r"(?:hi|hello|hey|good (?:morning|evening|day)|你好|您好|嗨).{0,12}", re.IGNORECASE | re.DOTALL)


class Guide(BaseChatModel):
    """Answers the last message by the project's status, with words or tool calls. It is no LLM, and says so."""

    @property
    def _llm_type(self) -> str:
        return "retort-guide"

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: str | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """The guide knows the verbs by name."""
        return self

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return ChatResult(generations=[ChatGeneration(message=Talk(messages).reply())])


class Talk:
    """One turn: what was said so far, and the guide's next message."""

    def __init__(self, messages: Sequence[BaseMessage]) -> None:
        self.status = ProjectStatus.model_validate(
            next(one for one in messages if isinstance(one, SystemMessage)).additional_kwargs["status"]
        )
        self.messages = [one for one in messages if not isinstance(one, SystemMessage)]
        self.tongue = _tongue(self.messages)
        self.asked_before = {
            str(one.additional_kwargs["asked"]) for one in self.messages if "asked" in one.additional_kwargs
        }

    def reply(self) -> AIMessage:
        last = self.messages[-1]
        if isinstance(last, ToolMessage):
            return self._after_tools(last)
        if last.name is not None:  # an event: the product tells it, the guide only says what comes next
            return self._next()
        message = self._answer(str(last.content).strip(), last.additional_kwargs.get("files", []))
        first = not any(isinstance(one, AIMessage) for one in self.messages)
        return _with_intro(message, self.tongue) if first else message

    # --- answering the user ---

    def _answer(self, text: str, files: Sequence[JsonObject]) -> AIMessage:
        if files:
            return self._take_files(text, files)
        said = parse(text)
        asked = self._asked()
        if asked and (said is None or said.verb == "skip"):
            return self._read_answer(asked, text, said)
        if said is not None:
            return self._obey(said)
        if not self.status.goal and not _GREETING.fullmatch(text):
            return self._take_goal(text)
        field = describes(text, self.status.task.fields)
        understood: JsonObject = {"describe": [text]} if field else understand(text).arguments()
        if self.status.goal and understood:
            return _call("set_task", understood)
        unknown = phrases.UNKNOWN[self.tongue].format(text=text[:80]) + " " if self.status.goal else ""
        return self._next(unknown, lost=True)

    def _take_goal(self, text: str) -> AIMessage:
        found = understand(text)
        if not found.said_anything() and len(text) < (4 if self.tongue == "zh" else 12):
            return self._next()
        return _call("set_task", {"goal": text, **found.arguments()})

    def _read_answer(self, about: str, text: str, said: Said | None) -> AIMessage:
        if describes(text, self.status.task.fields):
            return _call("set_task", {"describe": [text]})
        if said is not None and about == "examples":
            return self._next(phrases.ALL_RIGHT[self.tongue] + " ")
        found = read_answer(about, text, self.status.task)
        if found:
            return _call("set_task", found)
        more = understand(text).arguments()  # not to the question, but perhaps it tells something else
        if more:
            return _call("set_task", more)
        return self._next(phrases.NOT_READ[self.tongue] + " ", ask_again=about)

    def _obey(self, said: Said) -> AIMessage:
        match said.verb:
            case "help" | "skip" | "no":
                lead = (
                    phrases.HELP[self.tongue] + "\n\n" if said.verb == "help" else phrases.ALL_RIGHT[self.tongue] + " "
                )
                return self._next(lead)
            case "yes":
                means = None if self.status.missing else propose(self.status, self.tongue).means
                return _call(means.verb, means.arguments) if means else self._next()
            case "label_inputs" if "file" not in said.arguments:
                return AIMessage(content=phrases.NO_INPUTS[self.tongue])
            case "import_rows":
                given = [file for one in self.messages for file in one.additional_kwargs.get("files", [])]
                if not given:
                    return AIMessage(content=phrases.NO_FILE[self.tongue])
                return _call("import_rows", {**said.arguments, "file": given[-1]["id"]})
        return _call(said.verb, said.arguments)

    def _take_files(self, text: str, files: Sequence[JsonObject]) -> AIMessage:
        """Tables of rows are imported, anything else is read as a document; words with them may be the goal."""
        said = parse(text)
        calls: list[tuple[str, JsonObject]] = []
        if text and said is None and not self.status.goal:
            calls.append(("set_task", {"goal": text, **understand(text).arguments()}))
        if said and said.verb == "label_inputs":
            inputs = [_tool_call("label_inputs", {"file": one["id"]}) for one in files]
            return AIMessage(content="", tool_calls=inputs)
        rows = [one for one in files if str(one["name"]).lower().endswith(TABLES)]
        told = said.arguments if said and said.verb == "import_rows" else {}
        for one in rows:
            calls.append(("import_rows", {"split": _split_of(str(one["name"])), **told, "file": one["id"]}))
        if documents := [one["id"] for one in files if one not in rows]:
            calls.append(("add_files", {"files": documents}))
        return AIMessage(content="", tool_calls=[_tool_call(verb, arguments) for verb, arguments in calls])

    # --- going on ---

    def _after_tools(self, last: ToolMessage) -> AIMessage:
        decision = last.additional_kwargs.get("decision") or {}
        if decision.get("approved") is False:
            return AIMessage(content=phrases.DECLINED[self.tongue])
        if last.status == "error" and not self.status.missing:
            return AIMessage(content="")  # problem and fix were told; nothing to add
        return self._next()

    def _next(self, lead: str = "", ask_again: str = "", lost: bool = False) -> AIMessage:
        """The next question or the next step, after what is to be said first."""
        if not self.status.goal and not self.status.samples:
            return AIMessage(content=lead + phrases.GOAL[self.tongue])
        question = next_question(self.status, self.asked_before - {ask_again}, self.tongue)
        if question:
            return AIMessage(content=lead + question.text, additional_kwargs={"asked": question.about})
        tail = f"\n\n{phrases.HELP[self.tongue]}" if lost else ""
        return AIMessage(content=lead + propose(self.status, self.tongue).text + tail)

    def _asked(self) -> str:
        """What the guide's last words asked for, if the user is answering them."""
        before = [one for one in self.messages[:-1] if isinstance(one, AIMessage)]
        return str(before[-1].additional_kwargs.get("asked", "")) if before else ""


def _tongue(messages: Sequence[BaseMessage]) -> Tongue:
    """The language the user speaks: that of their newest message with letters in it."""
    for message in reversed(messages):
        if isinstance(message, HumanMessage) and message.name is None:
            text = str(message.content)
            if re.search(r"[\u4e00-\u9fff]", text):
                return "zh"
            if re.search(r"[A-Za-z]{3}", text):
                return "en"
    return "en"


def _split_of(name: str) -> str:
    """A file called test.jsonl holds the test split, and so on."""
    words = re.split(r"[^a-z]+", PurePath(name).stem.lower())
    known = {"train": "train", "training": "train", "dev": "dev", "valid": "dev", "validation": "dev", "test": "test"}
    return next((known[word] for word in words if word in known), "")


def _call(verb: str, arguments: JsonObject) -> AIMessage:
    return AIMessage(content="", tool_calls=[_tool_call(verb, arguments)])


def _tool_call(verb: str, arguments: JsonObject) -> ToolCall:
    return ToolCall(name=verb, args=dict(arguments), id=new_id("call"))


def _with_intro(message: AIMessage, tongue: Tongue) -> AIMessage:
    said = f"{phrases.INTRO[tongue]}\n\n{message.text}" if message.text else phrases.INTRO[tongue]
    return message.model_copy(update={"content": said})
