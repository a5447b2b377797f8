# Each target does its own set-up on a fresh machine.
python := .venv/bin/python
ready := .venv/.ready
unexport PYTHONDONTWRITEBYTECODE  # without bytecode every process compiles torch anew

.PHONY: setup demo ui test check lint bench clean lock gpu gpu-lock

setup: $(ready)

$(ready): pyproject.toml requirements/lock.txt .ci/setup
	@.ci/setup

demo: $(ready)  ## the main job, whole, on embedded defaults
	@$(python) -m ui.cli demo

ui: $(ready)  ## the page with the chat
	@$(python) -m ui.cli ui

test: $(ready)  ## all tests, the slow ones and the browser included
	@.ci/browser
	@.ci/tesseract
	$(python) -m pytest tests -n 2 --dist loadfile

check: lint  ## format, lint, types, fast tests
	$(python) -m pytest tests -m "not slow and not browser"

lint: $(ready)
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy

bench: $(ready)  ## every benchmark, figures in build/bench.json
	$(python) -m tests.benchmarks

gpu:  ## what a GPU must show, six minutes; figures in build/gpu.jsonl
	@if [ -x $(python) ]; then $(python) -m tests.gpu; else python3 -m tests.gpu; fi

gpu-lock: $(ready)  ## resolve the GPU set-up without installing it, and write what it would install
	$(python) requirements/gpu_lock.py

lock: $(ready)  ## write what is installed here as the lock
	.venv/bin/pip freeze | grep -viE '^(torch==|vllm|-e |#)|retort|@ file' > requirements/lock.txt

clean:
	rm -rf build .mypy_cache .ruff_cache .pytest_cache
