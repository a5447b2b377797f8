"""Questions about real documents, end to end: `python -m tests.synthesis.grounded XQUAD [HOME]`.

XQUAD holds `docs/en`, `docs/zh` and `qa.jsonl`, questions that people asked about them. The scripted teacher asks these
about the passage it is shown and quotes the sentence that holds the answer, line breaks lost as models lose them. Each
sample's quote must stand at its offset, in its passage and in its document. HOME keeps the project for the page.
"""

import json
import os
import re
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from tests.documents.intake import text_of
from tests.scripted_openai import Reply, ScriptedOpenAI
from tests.synthesis.scholar import passage_of, wanted
from tests.synthesis.tasks import work
from tools.catalog import Catalog
from tools.documents.adding import Given, add_files
from tools.documents.passages import current_passages
from tools.records import Coverage, Document, Project, Sample, Task, new_id
from tools.settings import settings
from tools.synthesis.job import run

COUNT = 400
TASK = Task(kind="answering", language="en", coverage=Coverage(languages=("en", "zh")))


class Asker:
    """The teacher: each question once, about the passage that answers it and in the language asked for."""

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        self.rows = rows

    def __call__(self, body: dict[str, Any]) -> Reply:
        passage, code = passage_of(body), str(body["messages"]).partition("language: ")[2][:2]
        found = [row for row in self.rows if row["lang"] == code and sentence_with(row["answers"][0], passage)]
        told = found[: wanted(body)]
        self.rows = [row for row in self.rows if row not in told]
        return Reply(json.dumps({"samples": [_sample(row, passage) for row in told]}, ensure_ascii=False))


def sentence_with(answer: str, passage: str) -> str:
    """The sentence that holds the answer as words of their own."""
    edge = r"\b" if answer.isascii() else ""
    said = re.compile(f"{edge}{re.escape(answer)}{edge}")
    return next((one for one in re.split(r"(?<=[.。！？])\s*", passage) if said.search(one)), "")


def _sample(row: dict[str, Any], passage: str) -> dict[str, str]:
    quote = " ".join(sentence_with(row["answers"][0], passage).split())
    return {"input": row["question"], "output": row["answers"][0], "quote": quote}


def main(folder: Path, home: Path) -> int:
    """What was made, and the number of quotes that are not where they are said to be."""
    catalog = Catalog(f"sqlite:///{home / 'catalog.sqlite'}", "local", home)
    project = catalog.add(Project(id=new_id("project"), owner="local", slug="xquad", name="Questions", task=TASK))
    given = sorted(folder.glob("docs/*/*.md"))
    added = add_files(catalog, project, [Given(path=one, name=f"{one.stem}.{one.parent.name}.md") for one in given])
    rows = [json.loads(line) for line in (folder / "qa.jsonl").read_text(encoding="utf-8").splitlines()]
    with ScriptedOpenAI(Asker(rows)) as server:
        names = {"MODEL": "scripted", "BASE_URL": server.base_url, "API_KEY": server.key}
        os.environ |= {f"RETORT_TEACHER_{name}": value for name, value in names.items()}
        settings.cache_clear()
        print(run(work(catalog, project, COUNT)))
    passages = {one.id: one for one in current_passages(catalog, project)}
    texts = {one.id: text_of(catalog, project, one) for one in catalog.find(Document, project.id)}
    made = catalog.find(Sample, project.id)
    good = [one for one in made if one.state == "approved"]
    lost = 0
    for one in good:
        assert one.quote_start is not None
        passage, end = passages[one.passage_id], one.quote_start + len(one.quote)
        text = texts[one.document_id][passage.start : passage.end]
        lost += passage.text[one.quote_start : end] != one.quote or text[one.quote_start : end] != one.quote
    spoken = Counter(passages[one.passage_id].language for one in good)
    print(f"{len(added.documents)} of {len(given)} files, {len(passages)} passages, {len(good)} samples {dict(spoken)}")
    print(f"{lost} quotes not at their offset; {Counter(one.reason[:40] for one in made if one.reason)}")
    return lost


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as passing:
        sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2] if len(sys.argv) > 2 else passing)))
