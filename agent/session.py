"""A conversation from outside: say something, decide on an approval, click, look at the transcript, let time pass."""

import fcntl
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from threading import RLock
from typing import Any
from weakref import finalize

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AnyMessage, HumanMessage
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.errors import GraphRecursionError
from langgraph.graph import START
from langgraph.types import Command, StateSnapshot

from agent import cards, events, phrase, uploads
from agent.chat_model import chat_model
from agent.command import FREE, LOOKS, Here, need, storable
from agent.commands.task import UNNAMED
from agent.gate import Decision, Ledger, here_at
from agent.graph import Graph, build, by_program, call_by_hand, close_calls
from agent.memory import open_saver
from agent.transcript import Approval, Entry, Outcome
from tools import jobs
from tools.catalog import Catalog
from tools.errors import NotFound, RetortError
from tools.records import Deployment, Job, JsonObject, Project, Sample, new_id
from tools.settings import settings

MAX_STEPS = 100  # graph steps of one turn; a model that calls tools in circles is stopped here


class Session:
    """The talk about one project. Cheap to make; everything that lasts is on disk.

    Any number of sessions, tabs and processes may hold the same project: each turn takes the conversation's lock. Any
    number of threads may share a session: it keeps nothing of a single window, only the graph and the open file.
    """

    def __init__(
        self, catalog: Catalog, project_id: str | None = None, chat_model: BaseChatModel | None = None
    ) -> None:
        self.catalog = catalog
        self.project_id = project_id
        self._given_model = chat_model
        self._ledger = Ledger(catalog.home)
        self._announced: set[str] = set()  # deployments known to be announced; the thread itself is the record
        self.held_up = False  # whether the last tick had to leave its news, because somebody speaks or is asked
        self._making = RLock()
        self._saver: SqliteSaver | None = None
        self._graph: tuple[str, Graph] | None = None  # compiled once for the project

    @property
    def project(self) -> Project | None:
        """The project as it is now; None before the first message and after its deletion."""
        if self.project_id is None:
            return None
        try:
            return self.catalog.get(Project, self.project_id)
        except NotFound:
            return None

    # --- what the user does ---

    def say(self, text: str, files: Sequence[Path] = ()) -> list[Entry]:
        """The user's message. While an approval waits, yes and no decide it; other words decline and are then said."""
        text = text.strip()
        if not text and not files:
            return []
        project = self.project or self._new_project()
        with self._turn(project.id) as turn:
            kept = uploads.keep(self.catalog, project, files) if files else []
            turn.finish_interrupted()
            if pending := turn.pending():
                agreed = None if kept else phrase.yes_or_no(text)
                if agreed and by_program(turn.messages()):  # it asks at any moment: the yes may be meant for another
                    raise RetortError(
                        f"A program asked to {pending.verb.replace('_', ' ')}, and a typed word cannot approve that.",
                        "Look at the request, then click Approve or Decline.",
                    )
                note = text or "(files)"
                turn.decide(Decision(digest=pending.digest, approved=agreed is True, note=note, follows=agreed is None))
                if agreed is not None:
                    return self._close(turn)
            told = [one.model_dump() for one in kept]
            message = HumanMessage(content=text, id=new_id("said"), additional_kwargs={"files": told} if told else {})
            turn.run({"messages": [message]})
            return self._close(turn)

    def decide(self, digest: str, approved: bool, note: str = "") -> list[Entry]:
        """The user's click on the waiting approval. RetortError when that is not what waits any more."""
        with self._turn(self._existing().id) as turn:
            pending = turn.pending()
            if pending is None or pending.digest != digest:
                raise RetortError(
                    "This approval is no longer waiting, so nothing was done.",
                    "Look at the conversation, and ask for the step again if you still want it.",
                )
            turn.decide(Decision(digest=digest, approved=approved, note=note))
            return self._close(turn)

    def click(self, verb: str, **arguments: Any) -> list[Entry]:
        """A free or review command by the user's own hand. RetortError for any other, which must be asked for."""
        with self._turn(self._existing().id) as turn:
            here = self._here(turn)
            call = need(verb).settle(here, arguments)
            risk = call.command.risk_of(here, call)
            if risk not in (None, "review"):
                raise RetortError(
                    f"A click cannot {verb.replace('_', ' ')}.",
                    "Ask for it in the chat; you will then be asked to approve it.",
                )
            if turn.pending():
                return self._beside(here, verb, arguments, own=True)
            had_drafts = self._drafts()
            outcome = call.run(here)
            judged_all = had_drafts and not self._drafts()  # of a card: the model may say what comes next
            clicked = call.command.clicked
            if clicked == "think" or (clicked != "note" and judged_all):
                turn.run({"messages": [cards.event(new_id("event"), outcome.text, outcome.show)]})
            else:  # by hand, one after another: the model is not asked after each
                turn.note(cards.judged(turn.messages(), new_id("event"), verb, call.json, outcome))
            return self._close(turn)

    def order(
        self, verb: str, arguments: JsonObject, said: str, files: Sequence[Path] = (), *, own: bool
    ) -> list[Entry]:
        """A command from another face than the chat: the terminal, or a program. It passes the same gate.

        `said` tells in the conversation where it came from; `files` are kept and given to the argument that takes
        them. `own` says that a person typed it at their own terminal: their word, where a command asks for no more
        than that. What needs an approval is asked about and waits; only `decide` answers it, or, where a person asked,
        a plain yes in the chat.
        """
        if not storable(arguments):
            raise RetortError(f"{verb} was given a number that is too large.", "Give a smaller number.")
        project = self.project or self._new_project(by_program=not own)
        with self._turn(project.id) as turn:
            turn.finish_interrupted()
            if files:
                kept = uploads.keep(self.catalog, project, files)
                arguments = {**arguments, **_as_uploads(verb, [one.id for one in kept])}
            if turn.pending():  # the files of the user's newest message were given to the chat, and not with this
                here = self._here(turn)
                here = replace(here, shown=here.shown.model_copy(update={"files": ()}))
                return self._beside(here, verb, arguments, own=own)
            turn.go_on([cards.event(new_id("event"), said), call_by_hand(verb, arguments, own=own)])
            return self._close(turn)

    def _beside(self, here: Here, verb: str, arguments: JsonObject, *, own: bool) -> list[Entry]:
        """A command while an approval waits: it is shown and not kept. A program may only look, a person do what is
        free; anything else waits its turn."""
        call = need(verb).settle(here, arguments)
        if call.command.risk not in ((FREE, LOOKS) if own else (LOOKS,)):
            raise RetortError(
                "Another step is waiting for your approval.",
                "Answer that first, on the page, in the chat or with `retort answer`; then do this.",
            )
        return [_entry(call.run(here))]

    def tick(self) -> list[Entry]:
        """Tell what has ended or begun since the last look, and let the model propose the next step."""
        project = self.project
        if project is None:
            return []
        jobs.active(self.catalog, project.id)  # marks jobs that died
        ended = [one for one in self.catalog.find(Job, project.id) if not one.active and not one.announced]
        deployed = self.catalog.find(Deployment, project.id, states=("serving",))
        deployed = [one for one in deployed if one.id not in self._announced]
        self.held_up = False
        if not ended and not deployed and not self._open(project.id).cut_short():
            return []
        with self._lock(project.id, wait=False) as free:
            turn = self._open(project.id)
            if not free or turn.pending():
                self.held_up = True
                return []  # somebody speaks or is asked; the news keeps
            turn.begin()
            turn.finish_interrupted()
            known = {message.id for message in turn.messages()}
            news = [self._job_news(project, job) for job in ended]
            news += [self._serving_news(project, one) for one in deployed if f"event-{one.id}" not in known]
            if news:
                turn.run({"messages": news})
            for job in ended:  # after the thread has it: a crash in between tells it twice under one id, so once
                self.catalog.change(Job, job.id, announced=True)
            self._announced |= {one.id for one in deployed}
            return self._close(turn)

    # --- what can be seen ---

    def transcript(self) -> list[Entry]:
        """The whole conversation, as it would be after a reload."""
        return cards.entries(self._open(self.project_id).messages()) if self.project_id else []

    def pending(self) -> Approval | None:
        """The gated action that waits for the user, if one does."""
        if self.project is None or self.project_id is None:
            return None
        return self._open(self.project_id).pending()

    # --- inside ---

    def _new_project(self, *, by_program: bool = False) -> Project:
        id_ = new_id("project")
        project = Project(id=id_, owner=self.catalog.owner, slug=id_, name=UNNAMED, by_program=by_program)
        self.catalog.add(project)
        self.project_id = id_
        return project

    def _existing(self) -> Project:
        if (project := self.project) is None:
            raise RetortError("There is no project in this conversation yet.", "Say what the student should do.")
        return project

    def _drafts(self) -> bool:
        return bool(self.catalog.find(Sample, self.project_id, states=("draft",), newest=1))

    def _job_news(self, project: Project, job: Job) -> HumanMessage:
        outcome = events.job_ended(Here(self.catalog, project.id), job)
        return cards.event(f"event-{job.id}-{job.process_started_at:.0f}", outcome.text, outcome.show)

    def _serving_news(self, project: Project, deployment: Deployment) -> HumanMessage:
        from tools.deployment.curl import curl_line

        outcome = events.serving(deployment, curl_line(deployment, project))
        return cards.event(f"event-{deployment.id}", outcome.text, outcome.show)

    def _here(self, turn: "Turn") -> Here:
        return here_at(self.catalog, turn.project_id, turn.messages())

    def _close(self, turn: "Turn") -> list[Entry]:
        """What the turn added; a deleted project takes its conversation along."""
        added = turn.added()
        if self.project is None:
            turn.forget()
            self.project_id = None
        return added

    def _model(self) -> BaseChatModel:
        return self._given_model or chat_model(settings())

    @contextmanager
    def _turn(self, project_id: str) -> "Iterator[Turn]":
        with self._lock(project_id, wait=True):
            turn = self._open(project_id)
            turn.begin()
            yield turn

    def _lock(self, project_id: str, wait: bool) -> AbstractContextManager[bool]:
        return _locked(self.catalog.home / "locks" / f"{project_id}.lock", wait)

    def _open(self, project_id: str) -> "Turn":
        with self._making:
            if self._saver is None:
                self._saver = open_saver(self.catalog.home)
                finalize(self, self._saver.conn.close)
            if self._graph is None or self._graph[0] != project_id:
                graph = build(self.catalog, project_id, self._model, self._ledger, self._saver, by_rules=self._by_rules)
                self._graph = project_id, graph
            return Turn(self._graph[1], project_id, self._ledger)

    def _by_rules(self) -> bool:
        """Whether no language model leads the conversation."""
        return self._given_model is None and not settings().chat_model


class Turn:
    """A look at the conversation, and while one speaker holds it: the graph, run to its next rest."""

    def __init__(self, graph: Graph, project_id: str, ledger: Ledger) -> None:
        self.graph, self.project_id, self.ledger = graph, project_id, ledger
        self.config: RunnableConfig = {"configurable": {"thread_id": project_id}, "recursion_limit": MAX_STEPS}
        self._before: set[str] = set()

    def begin(self) -> None:
        """Remember what was there, so that what the turn adds can be told."""
        self._before = {entry.id for entry in cards.entries(self.messages())}

    def state(self) -> StateSnapshot:
        return self.graph.get_state(self.config)

    def messages(self) -> list[AnyMessage]:
        return list(self.state().values.get("messages", []))

    def pending(self) -> Approval | None:
        waiting = self.state().interrupts
        return Approval.model_validate(waiting[0].value) if waiting else None

    def added(self) -> list[Entry]:
        return [entry for entry in cards.entries(self.messages()) if entry.id not in self._before]

    def run(self, given: dict[str, Any] | Command[Any] | None) -> None:
        """Let the graph go on until it waits or ends; a failure is told in the conversation, which stays whole."""
        try:
            self.graph.invoke(given, self.config, durability="sync")
        except RetortError as error:
            self.note(cards.event(new_id("notice"), str(error), name="notice"))
        except GraphRecursionError:
            unanswered = close_calls(self.messages(), "Not done: there were too many calls in one turn.")
            text = (
                f"The chat model called tools {MAX_STEPS // 2} times without finishing and was stopped. "
                "Say what it should do next."
            )
            told = [*unanswered, cards.event(new_id("notice"), text, name="notice")]
            self.graph.update_state(self.config, {"messages": told}, as_node="think")

    def go_on(self, messages: Sequence[AnyMessage]) -> None:
        """Put calls into the conversation as if they had been thought of, and let the graph do them."""
        self.graph.update_state(self.config, {"messages": list(messages)}, as_node="think")
        self.run(None)

    def decide(self, decision: Decision) -> None:
        """Record the user's decision, then let the graph find it."""
        self.ledger.record(decision)
        self.run(Command(resume={"digest": decision.digest}))

    def note(self, message: HumanMessage) -> None:
        """Add a message without asking the model."""
        self.graph.update_state(self.config, {"messages": [message]}, as_node="think")

    def finish_interrupted(self) -> None:
        """If an earlier process died between a call and its answer, go on from there: no call stays unanswered, and no
        message is lost that was kept and not yet read."""
        if self.cut_short():
            self.run(None)

    def cut_short(self) -> bool:
        """Whether a step is unfinished and nobody is asked: somebody is at it, or died at it.

        Where a step has its result and no checkpoint holds it yet, `next` is empty, the result is shown, and the next
        message would replace it.
        """
        state = self.state()
        begun = any(task.result is not None or task.name in {START, "approve", "act"} for task in state.tasks)
        return begun and not state.interrupts

    def forget(self) -> None:
        if saver := self.graph.checkpointer:
            saver.delete_thread(self.project_id)  # type: ignore[union-attr]


@contextmanager
def _locked(path: Path, wait: bool) -> Iterator[bool]:
    """Hold the lock file, across threads and processes; False when somebody else does and we shall not wait."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
            return
        yield True  # closing the file gives the lock back


def _as_uploads(verb: str, ids: Sequence[str]) -> JsonObject:
    """Uploads as the argument of this command that takes files."""
    takes = need(verb).file_argument
    if takes is None:
        raise RetortError(f"{verb} does not take a file.", "Leave the file out.")
    return takes.files(ids)


def _entry(outcome: Outcome) -> Entry:
    return Entry(id=new_id("entry"), role="assistant", text=outcome.text, show=outcome.show)
