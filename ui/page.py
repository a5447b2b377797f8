"""The page: projects on the left, the conversation in the middle, what is under way on the right.

Everything shown is drawn on the server from records, so a reload, a second window and a restarted process show the
same. The browser says which project it shows (the address holds it) and what it has; the answer is what differs. It
asks when it is told that there is news (`ui/news.py`).
"""

import json
import os
import socket
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

from pydantic import Field

from tools.catalog import Catalog
from tools.errors import RetortError
from tools.records import JsonObject, Value
from ui import news
from ui.desk import Desk
from ui.review import Looking
from ui.views import Act

if TYPE_CHECKING:
    import gradio as gr

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # read when gradio is imported: nothing is told to anybody
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")

HERE = Path(__file__).parent
POLL_S = 1.5  # where the catalog cannot be watched for news (Postgres)
SELDOM_S = 30.0  # a window that hears of news asks by itself as well, should they be lost
# Gradio looks for work a thousand times a second and for progress a hundred times, which costs 6 % of a core while
# nothing happens. Ten times is enough for a click (its own choice on Windows is twenty); its progress is not used.
IDLE_S = 0.1
NO_PROGRESS_S = 5.0
MAX_UPLOAD = "500mb"
PANELS = ("chat", "live", "projects", "review")
ASK = "() => [window.retort ? window.retort.asking() : '{}']"
SUBMIT = "(box) => { if (box && box.text) window.retort.passing(box.text); return [box, window.retort.asking()]; }"
LOOPBACK = ("127.0.0.1", "localhost", "::1")


class Asking(Value):
    """What a window shows when it asks: its project, and the mark of each panel."""

    project: str = ""
    seen: dict[str, str] = Field({})
    look: Looking = Looking()


class Sent(Value):
    """A click as the browser sends it."""

    act: Act
    asking: str


def build(desk: Desk) -> "gr.Blocks":
    """The page as Gradio blocks; nothing is served yet."""
    import gradio as gr

    def on_tick(asked: str) -> list[object]:
        asking = Asking.model_validate_json(asked or "{}")
        desk.tick(asking.project)
        return _fresh(desk, asking, asking.project)

    def on_click(event: gr.EventData) -> list[object]:
        sent = Sent.model_validate(event._data)
        asking = Asking.model_validate_json(sent.asking)
        project, trouble = desk.act(asking.project, sent.act)
        return _fresh(desk, asking, project, trouble)

    def on_submit(given: JsonObject, asked: str) -> Iterator[list[object]]:
        asking = Asking.model_validate_json(asked or "{}")
        text = str(given.get("text") or "").strip()
        files = [Path(str(path)) for path in cast(Sequence[str], given.get("files") or ())]
        yield [*(gr.skip() for _ in PANELS), None]  # the box is free for the next words at once
        if text or files:
            project, trouble = desk.say(asking.project, text, files)
            _forget(files)
            yield [*_fresh(desk, asking, project, trouble), gr.skip()]

    with gr.Blocks(title="Retort", fill_width=True, analytics_enabled=False) as page:
        chat, live, projects, review, box = _frame()
        asked = gr.Textbox(visible=False)
        outputs = [chat, live, projects, review]
        quiet = {"show_progress": "hidden", "api_visibility": "private"}
        page.load(on_tick, [asked], outputs, js=ASK, **quiet)
        gr.Timer(SELDOM_S if desk.news("") else POLL_S).tick(on_tick, [asked], outputs, js=ASK, **quiet)
        for source in outputs:
            source.click(on_click, None, outputs, trigger_mode="multiple", **quiet)  # keys come faster than answers
        box.submit(on_submit, [box, asked], [*outputs, box], js=SUBMIT, **quiet)
    return cast("gr.Blocks", page)


def _fresh(desk: Desk, asking: Asking, project: str, trouble: RetortError | None = None) -> list[object]:
    """Only the panels that differ from what the window has."""
    import gradio as gr

    views = desk.views(asking.project, project, trouble, asking.look)
    same = [
        asking.seen.get(name) == view.mark and view.project == asking.project
        for name, view in zip(PANELS, views, strict=True)
    ]
    look = asking.look.model_dump_json()
    return [
        gr.skip() if known else {**view.model_dump(), "look": look} for known, view in zip(same, views, strict=True)
    ]


def _frame() -> tuple["gr.HTML", "gr.HTML", "gr.HTML", "gr.HTML", "gr.MultimodalTextbox"]:
    """Lay the page out: chat, what is under way, projects, the table of a review, and the box to write in."""
    import gradio as gr

    with gr.Row(elem_id="frame", equal_height=False):
        with gr.Column(elem_id="left", min_width=0):
            gr.HTML('<div class="brand">Retort</div>', elem_id="brand")
            projects = _panel("projects")
        with gr.Column(elem_id="middle", min_width=0):
            review = _panel("review")
            chat = _panel("chat")
            box = gr.MultimodalTextbox(
                elem_id="composer",
                placeholder="Say what you want, or drop files here",
                file_count="multiple",
                show_label=False,
                max_lines=8,
                max_plain_text_length=20_000,
                autofocus=True,
            )
        with gr.Column(elem_id="right", min_width=0):
            live = _panel("live")
    return chat, live, projects, review, box


def serve(host: str, port: int, *, open_browser: bool) -> None:
    """Serve the page until interrupted. Raises RetortError when the port is taken."""
    _need_port(host, port)  # first: gradio takes seconds to load
    import gradio as gr
    from starlette.middleware import Middleware
    from starlette.middleware.trustedhost import TrustedHostMiddleware

    catalog = Catalog()
    # Files on their way in lie under the home folder, not in a place that other users of the machine can read.
    os.environ["GRADIO_TEMP_DIR"] = str(catalog.home / "incoming")
    desk = Desk(catalog)
    page = build(desk)
    # On loopback only local names are answered, so that no web site can reach the page by pointing its name here.
    guard = [Middleware(TrustedHostMiddleware, allowed_hosts=[*LOOPBACK, "[::1]"])] if host in LOOPBACK else []
    print(f"Retort is at http://{host}:{port}  (Ctrl-C stops the page; jobs keep running)", flush=True)
    page.queue(default_concurrency_limit=16)
    page._queue.sleep_when_free, page._queue.progress_update_sleep_when_free = IDLE_S, NO_PROGRESS_S
    page.launch(
        server_name=host,
        server_port=port,
        inbrowser=open_browser,
        share=False,
        quiet=True,
        footer_links=[],
        ssr_mode=False,
        run_history=False,
        max_file_size=MAX_UPLOAD,
        theme=gr.themes.Base(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"]),
        css_paths=HERE / "style.css",
        app_kwargs={"middleware": guard, "routes": [news.route(desk)]},
    )


def _panel(name: str) -> "gr.HTML":
    """An empty panel that the script fills. The template holds no value: Gradio would run `${...}` found in a text."""
    import gradio as gr

    script = "\n".join((HERE / name).read_text(encoding="utf-8") for name in ("review.js", "page.js"))
    start = f"window.retort.panel({json.dumps(name)}, element, trigger, props, watch);"
    return gr.HTML(
        value=None,
        html_template='<div class="items"></div>',
        js_on_load=f"{script}\n{start}",
        apply_default_css=False,
        elem_id=name,
    )


def _need_port(host: str, port: int) -> None:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise RetortError(
                f"The page cannot listen on {host}:{port}: {error.strerror}.",
                f"Stop the program that uses the port, or choose another port: retort ui --port {port + 1}.",
            ) from error


def _forget(files: Sequence[Path]) -> None:
    """The session has its own copies."""
    for path in files:
        path.unlink(missing_ok=True)
