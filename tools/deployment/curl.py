"""One line to paste into a terminal that asks the served student."""

import json
import shlex

from tools.records import Deployment, Project
from tools.synthesis.request.instructions import system_prompt


def curl_line(deployment: Deployment, project: Project) -> str:
    """A curl command with the task's system prompt and the task's first example as the question."""
    task = project.task
    question = task.examples[0].input if task.examples else f"Replace this with one of your {_inputs(project)}."
    body = {
        "model": deployment.model,
        "messages": [
            {"role": "system", "content": system_prompt(task)},
            {"role": "user", "content": question},
        ],
        "temperature": 0,
    }
    data = shlex.quote(json.dumps(body, ensure_ascii=False))
    return f"curl -s {deployment.url}/chat/completions -H 'Content-Type: application/json' -d {data}"


def _inputs(project: Project) -> str:
    return project.task.input_description or "inputs"
