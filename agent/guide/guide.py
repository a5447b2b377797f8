"""The guide as a chat model: same graph, same tools, same approvals, but rules where a language model would think."""

import re
from collections.abc import Callable, Sequence
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolCall, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool
from pydantic import JsonValue

from agent.cards import tongue_of
from agent.command import COMMANDS, Parameter, Tongue
from agent.fields import notes_in
from agent.guide.asking import REAL, next_question, read_answer, taught
from agent.guide.proposing import propose
from agent.guide.understanding import understand
from agent.phrase import Said, example, parse
from agent.said.sentences import knows, say
from agent.status import ProjectStatus
from agent.toolbox import commands
from tools.dataset.importing import may_hold_rows, named_split
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
        self.tongue = tongue_of(self.messages)
        self.asked_before = {
            str(one.additional_kwargs["asked"]) for one in self.messages if "asked" in one.additional_kwargs
        }
        self.told_of_teacher = any(one.additional_kwargs.get("told") == "teacher" for one in self.messages)

    def reply(self) -> AIMessage:
        message = self._reply()
        first = not any(isinstance(one, AIMessage) and one.content for one in self.messages)
        return _with_intro(message, self.tongue) if first and (message.content or message.tool_calls) else message

    def _reply(self) -> AIMessage:
        last = self.messages[-1]
        if isinstance(last, ToolMessage):
            return self._after_tools(last)
        if last.name is not None:  # an event: the product tells it, the guide only says what comes next
            return self._next()
        return self._answer(str(last.content).strip(), last.additional_kwargs.get("files", []))

    # --- answering the user ---

    def _answer(self, text: str, files: Sequence[JsonObject]) -> AIMessage:
        if files:
            return self._take_files(text, files)
        said = parse(text)
        asked = self._asked()
        answer = (self._to_question(asked, text, said) if asked else None) or self._taught(text, said)
        if answer is not None:
            return answer
        if said is not None:
            return self._obey(said)
        if not self.status.goal and not _GREETING.fullmatch(text):
            return self._take_goal(text)
        understood = self._notes(text) or understand(text).arguments()
        if self.status.goal and understood:
            return _call("set_task", understood)
        unknown = say("unknown", self.tongue, text=text[:80]) + " " if self.status.goal else ""
        return self._next(unknown, lost=True)

    def _take_goal(self, text: str) -> AIMessage:
        found = understand(text)
        if not found.said_anything() and len(text) < (4 if self.tongue == "zh" else 12):
            return self._next()
        return _call("set_task", {"goal": text, **found.arguments()})

    def _to_question(self, asked: str, text: str, said: Said | None) -> AIMessage | None:
        """The message as an answer to what was asked; None when it is none."""
        if asked in REAL:
            return self._about_real(text, said)
        return self._read_answer(asked, text, said) if said is None or said.verb == "skip" else None

    def _taught(self, text: str, said: Said | None) -> AIMessage | None:
        """Examples of labels, which may come at any time; None for anything else."""
        found = taught(text, self.status.task) if said is None else {}
        return _call("set_task", found) if found else None

    def _about_real(self, text: str, said: Said | None) -> AIMessage | None:
        """Lines pasted in answer to the question for real messages, or a yes without any; None for anything else."""
        if said is not None:
            return AIMessage(content=say("real.how", self.tongue)) if said.verb == "yes" else None
        lines = [line for line in text.splitlines() if line.strip()]
        if len(lines) > 1 or re.search(r"=>|->|→", text):
            return _call("real_messages", {"messages": text})
        return None

    def _read_answer(self, about: str, text: str, said: Said | None) -> AIMessage:
        if (examples := self._taught(text, said)) is not None:
            return examples
        if notes := self._notes(text):
            return _call("set_task", notes)
        if said is not None and about == "examples":
            return self._next(say("all-right", self.tongue) + " ")
        found = read_answer(about, text, self.status.task)
        if found:
            return _call("set_task", found)
        more = understand(text).arguments()  # not to the question, but perhaps it tells something else
        if more:
            return _call("set_task", more)
        return self._next(say("not-read", self.tongue) + " ", ask_again=about)

    def _notes(self, text: str) -> JsonObject:
        """What the text says of known fields, as arguments of a change of the task."""
        notes = notes_in(text, self.status.task.fields)
        return {"describe": list[JsonValue](notes)} if notes else {}

    def _obey(self, said: Said) -> AIMessage:
        match said.verb:
            case "help" | "skip" | "no":
                lead = f"{helping(self.tongue)}\n\n" if said.verb == "help" else say("all-right", self.tongue) + " "
                return self._next(lead)
            case "yes" if proposed := self._proposed():
                return AIMessage(content="", tool_calls=[_tool_call(*one) for one in proposed])
            case "yes":
                means = None if self.status.missing else propose(self.status, self.tongue).means
                return _call(means.verb, means.arguments) if means else self._next()
        return self._call_with_file(said)

    def _proposed(self) -> list[tuple[str, JsonObject]]:
        """Calls that the last answer guessed and asked about, each with what makes it certain."""
        found = []
        for one in reversed(self.messages[:-1]):
            if isinstance(one, HumanMessage) and one.name is None:
                break
            if proposed := one.additional_kwargs.get("proposed"):
                found.append((str(proposed["verb"]), proposed["arguments"]))
        return found[::-1]

    def _call_with_file(self, said: Said) -> AIMessage:
        """The command; where it takes a file and none is named, on the file that was dropped last."""
        takes = _file_argument(said)
        if takes is None or not takes.required or takes.name in said.arguments:
            return _call(said.verb, said.arguments)
        given = [file for one in self.messages for file in one.additional_kwargs.get("files", [])]
        if not given:
            return AIMessage(content=say("no-file", self.tongue))
        return _call(said.verb, {**said.arguments, **takes.files([str(one["id"]) for one in given])})

    def _take_files(self, text: str, files: Sequence[JsonObject]) -> AIMessage:
        """What the words say of the files; otherwise tables of rows are imported and anything else is read."""
        said = parse(text)
        calls: list[tuple[str, JsonObject]] = []
        if text and said is None and not self.status.goal:
            calls.append(("set_task", {"goal": text, **understand(text).arguments()}))
        rows = [one for one in files if str(one["name"]).lower().endswith(TABLES)]
        real = not text and self._asked() in REAL
        told = said if said and _file_argument(said) else Said(verb="import_rows")
        told = Said(verb="import_rows", arguments={"split": "real"}) if real else told
        takes = _file_argument(told)
        chosen = ([one for one in files if may_hold_rows(str(one["name"]))] or files) if told is said or real else rows
        if takes and takes.kind is not str:
            calls.append((told.verb, {**told.arguments, **takes.files([str(one["id"]) for one in chosen])}))
        elif takes:
            calls += [(told.verb, {**_split_in(one, told), **told.arguments, takes.name: one["id"]}) for one in chosen]
        if documents := [one for one in files if one not in chosen]:
            calls.append(("add_files", {"files": [one["id"] for one in documents]}))
        return AIMessage(content="", tool_calls=[_tool_call(verb, arguments) for verb, arguments in calls])

    # --- going on ---

    def _after_tools(self, last: ToolMessage) -> AIMessage:
        decision = last.additional_kwargs.get("decision") or {}
        if decision.get("approved") is False:
            return AIMessage(content=say("declined", self.tongue))
        if last.status == "error" and (not self.status.missing or "proposed" in last.additional_kwargs):
            return AIMessage(content="")  # problem and fix were told, or a guess that waits for a yes; nothing to add
        shown = last.additional_kwargs.get("show", ())
        return self._next(compared=any(one["kind"] == "comparison" for one in shown))

    def _next(self, lead: str = "", ask_again: str = "", lost: bool = False, *, compared: bool = False) -> AIMessage:
        """The next question or the next step, after what is to be said first."""
        if not self.status.goal and not self.status.samples:
            return AIMessage(content=lead + say("goal", self.tongue))
        question = next_question(self.status, self.asked_before - {ask_again}, self.tongue, compared=compared)
        if question and not self.told_of_teacher and not self.status.samples and self.status.lacking == "teacher":
            lead += say("lacking-teacher", self.tongue) + "\n\n"
            return AIMessage(
                content=lead + question.text, additional_kwargs={"asked": question.about, "told": "teacher"}
            )
        if question:
            return AIMessage(content=lead + question.text, additional_kwargs={"asked": question.about})
        tail = f"\n\n{say('help.hint', self.tongue)}" if lost else ""
        return AIMessage(content=lead + propose(self.status, self.tongue).text + tail)

    def _asked(self) -> str:
        """What the guide's last words asked for, if the user is answering them."""
        before = [one for one in self.messages[:-1] if isinstance(one, AIMessage)]
        return str(before[-1].additional_kwargs.get("asked", "")) if before else ""


def helping(tongue: Tongue) -> str:
    """Every command by an example of how it is said, part of the way by part of the way."""
    lines: dict[str, list[str]] = {}
    for one in commands():
        group = one.group if knows(f"group.{one.group}", tongue) else "other"
        lines.setdefault(group, []).append(f"`{example(one, tongue)}`")
    listed = [f"- {say(f'group.{group}', tongue)}: {', '.join(examples)}" for group, examples in lines.items()]
    return "\n".join([say("help", tongue), *listed, "", say("help.task", tongue)])


def _file_argument(said: Said) -> Parameter | None:
    return COMMANDS[said.verb].file_argument if said.verb in COMMANDS else None


def _split_in(file: JsonObject, said: Said) -> JsonObject:
    """A file called test.jsonl holds the test split, and so on; for a command that asks for a split."""
    if "split" not in {one.name for one in COMMANDS[said.verb].parameters}:
        return {}
    return {"split": named_split(str(file["name"]))}


def _call(verb: str, arguments: JsonObject) -> AIMessage:
    return AIMessage(content="", tool_calls=[_tool_call(verb, arguments)])


def _tool_call(verb: str, arguments: JsonObject) -> ToolCall:
    return ToolCall(name=verb, args=dict(arguments), id=new_id("call"))


def _with_intro(message: AIMessage, tongue: Tongue) -> AIMessage:
    said = f"{say('intro', tongue)}\n\n{message.text}" if message.text else say("intro", tongue)
    return message.model_copy(update={"content": said})
