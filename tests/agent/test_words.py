"""The grammar reads whole commands in two languages and nothing inside prose."""

import pytest

from agent.commands.plan import plan_changes
from agent.phrase import parse, yes_or_no
from agent.said.sentences import CATALOGUES, sentences
from tools.records import JsonObject
from tools.records.order import ORDERS

READ: list[tuple[str, str, JsonObject]] = [
    ("approve all", "approve_samples", {"samples": ["all"]}),
    ("undo", "undo_review", {}),
    ("撤销", "undo_review", {}),
    ("review 20", "review_samples", {"count": 20}),
    ("review 5 uncertain ones", "review_samples", {"count": 5, "by": "uncertain"}),
    ("审阅 10 条不确定的样本", "review_samples", {"count": 10, "by": "uncertain"}),
    ("review coverage", "review_samples", {"by": "coverage"}),
    ("confirm the rule", "confirm_rule", {}),
    ("确认规则", "confirm_rule", {}),
    ("rule from 1, 2: no area code", "propose_rule", {"samples": ["1", "2"], "text": "no area code"}),
    ("make it a rule", "propose_rule", {}),
    ("rules", "show_rules", {}),
    ("policy", "show_policy", {}),
    ("policy: at most 2.5 % bad", "set_policy", {"kind": "sampled", "most_bad_percent": 2.5}),
    ("policy all reviewed", "set_policy", {"kind": "all"}),
    ("策略：不限", "set_policy", {"kind": "sampled"}),
    ("Please approve everything.", "approve_samples", {"samples": ["all"]}),
    ("approve 1,3", "approve_samples", {"samples": ["1", "3"]}),
    ("approve 5-3", "approve_samples", {"samples": ["3", "4", "5"]}),
    ("approve samples 2 and 4-6", "approve_samples", {"samples": ["2", "4", "5", "6"]}),
    ("批准全部", "approve_samples", {"samples": ["all"]}),
    ("全部批准", "approve_samples", {"samples": ["all"]}),
    ("通过 1 3", "approve_samples", {"samples": ["1", "3"]}),
    ("批准第1和第3条", "approve_samples", {"samples": ["1", "3"]}),
    ("reject 2: the phone is wrong", "reject_samples", {"samples": ["2"], "reason": "the phone is wrong"}),
    ("拒绝 2：电话不对", "reject_samples", {"samples": ["2"], "reason": "电话不对"}),
    ('edit 3: {"name": "Ann"}', "edit_sample", {"sample": "3", "answer": '{"name": "Ann"}'}),
    ("edit 3 question: Call Ann.", "edit_sample", {"sample": "3", "question": "Call Ann."}),
    ("more like 2", "draft_samples", {"like": "2"}),
    ("4 more like 2", "draft_samples", {"like": "2", "count": 4}),
    ("再来几个像2的", "draft_samples", {"like": "2"}),
    ("draft 5 samples", "draft_samples", {"count": 5}),
    ("起草样本", "draft_samples", {}),
    ("起草 6 个样本", "draft_samples", {"count": 6}),
    ("generate 300", "generate_samples", {"count": 300}),
    ("generate 1,500 samples for at most $2.50", "generate_samples", {"count": 1500, "max_usd": 2.5}),
    ("generate 300 for $2 and 15 minutes", "generate_samples", {"count": 300, "max_usd": 2, "max_minutes": 15}),
    (
        "generate 300 with 3 answers each and a critique, at most 20 per document",
        "generate_samples",
        {"count": 300, "answers_each": 3, "critique": True, "per_document": 20},
    ),
    ("generate 300, at most 10 minutes", "generate_samples", {"count": 300, "max_minutes": 10}),
    ("生成 300 条，最多 10 分钟", "generate_samples", {"count": 300, "max_minutes": 10}),
    ("show lost answers", "show_answers", {}),
    ("查看搁置的回答", "show_answers", {}),
    ("topics: refunds, delivery", "set_coverage", {"topics": ["refunds", "delivery"]}),
    ("主题：退款、物流", "set_coverage", {"topics": ["退款", "物流"]}),
    ("languages: en, zh", "set_coverage", {"languages": ["en", "zh"]}),
    ("show the coverage", "show_coverage", {}),
    ("覆盖表", "show_coverage", {}),
    ("show the request", "show_request", {}),
    ("mask personal data", "set_task", {"personal_data": "mask"}),
    ("保留个人信息", "set_task", {"personal_data": "keep"}),
    ("phone is required", "set_task", {"required": ["phone"]}),
    ("name, phone and address are always there", "set_task", {"required": ["name", "phone", "address"]}),
    ("电话和地址是必填的", "set_task", {"required": ["电话", "地址"]}),
    ("out of scope: other", "set_task", {"out_of_scope": "other"}),
    ("Out of scope: other.", "set_task", {"out_of_scope": "other"}),
    ("the out-of-scope label is “none of these”", "set_task", {"out_of_scope": "none of these"}),
    ("都不是时用：其他", "set_task", {"out_of_scope": "其他"}),
    ("3 turns", "set_task", {"turns": 3}),
    ("use 4-turn conversations", "set_task", {"turns": 4}),
    ("3 轮对话", "set_task", {"turns": 3}),
    ("keep the reasoning", "set_task", {"reasoning": "kept"}),
    ("drop the reasoning", "set_task", {"reasoning": "dropped"}),
    ("without reasoning", "set_task", {"reasoning": "none"}),
    ("保留推理过程", "set_task", {"reasoning": "kept"}),
    ("system prompt: Read it. Answer in JSON.", "set_task", {"system_prompt": "Read it. Answer in JSON."}),
    ("系统提示词：只输出 JSON。", "set_task", {"system_prompt": "只输出 JSON。"}),
    ("remove document guide v2.pdf", "remove_source", {"document": "guide v2.pdf"}),
    ("删除文档 手册.pdf", "remove_source", {"document": "手册.pdf"}),
    ("label these inputs", "label_inputs", {}),
    ("标注这些数据", "label_inputs", {}),
    ("label the passages of guide.pdf", "label_inputs", {"file": "guide.pdf"}),
    ("生成300条", "generate_samples", {"count": 300}),
    ("freeze", "freeze_dataset", {}),
    ("freeze the dataset with 80 test rows", "freeze_dataset", {"test_rows": 80}),
    ("冻结数据集", "freeze_dataset", {}),
    ("export", "export_dataset", {}),
    ("Export the dataset as Alpaca, please", "export_dataset", {"layout": "alpaca"}),
    ("export version 2 for LLaMA-Factory", "export_dataset", {"layout": "sharegpt", "version": 2}),
    ("导出数据集为 swift", "export_dataset", {"layout": "ms-swift"}),
    ("show the dataset card", "dataset_card", {}),
    ("数据卡", "dataset_card", {}),
    ("what changed since version 1?", "dataset_difference", {"older": 1}),
    ("有什么变化", "dataset_difference", {}),
    ("plan", "propose_plan", {}),
    ("计划", "propose_plan", {}),
    ("continue 2 more epochs", "continue_training", {"epochs": 2.0}),
    ("train for 3 more epochs, at most 20 minutes", "continue_training", {"epochs": 3.0, "max_minutes": 20.0}),
    ("继续训练 2 轮", "continue_training", {"epochs": 2.0}),
    ("continue", "resume_job", {}),
    ("diagnose", "diagnose", {}),
    ("How did the training go?", "diagnose", {}),
    ("诊断", "diagnose", {}),
    ("use rank 16, train longer", "propose_plan", {"changes": {"lora_rank": 16, "epochs": "longer"}}),
    ("lower learning rate", "propose_plan", {"changes": {"learning_rate": "lower"}}),
    ("训练更久", "propose_plan", {"changes": {"epochs": "longer"}}),
    ("use dora and dropout 0.1", "propose_plan", {"changes": {"method": "dora", "lora_dropout": 0.1}}),
    ("track with TensorBoard", "propose_plan", {"changes": {"tracker": "tensorboard"}}),
    ("full fine-tuning", "propose_plan", {"changes": {"method": "full"}}),
    ("use rank 16, 3 epochs", "propose_plan", {"changes": {"lora_rank": 16, "epochs": 3}}),
    ("使用秩 16、3 轮", "propose_plan", {"changes": {"lora_rank": 16, "epochs": 3}}),
    ("train", "start_training", {}),
    ("train for at most 20 minutes", "start_training", {"max_minutes": 20.0}),
    ("开始训练", "start_training", {}),
    ("stop", "stop_job", {}),
    ("停止", "stop_job", {}),
    ("stop the deployment", "stop_deployment", {}),
    ("停止部署", "stop_deployment", {}),
    ("resume", "resume_job", {}),
    ("resume job-0a1b2c", "resume_job", {"job": "job-0a1b2c"}),
    ("evaluate", "evaluate", {}),
    ("评测", "evaluate", {}),
    ("evaluate on dev", "evaluate", {"split": "dev"}),
    ("compare the checkpoints", "compare_checkpoints", {}),
    ("比较检查点", "compare_checkpoints", {}),
    ("should I fine-tune at all?", "evaluate", {"candidates": ["ladder"], "split": "dev"}),
    ("需要微调吗？", "evaluate", {"candidates": ["ladder"], "split": "dev"}),
    ("compare on dev", "compare_checkpoints", {"split": "dev"}),
    ("compare all checkpoints with the base model", "compare_checkpoints", {}),
    ("write a report", "write_report", {}),
    ("生成报告", "write_report", {}),
    ("show failures", "show_failures", {}),
    ("看看失败", "show_failures", {}),
    ("aim at failure 2", "aim_at_failures", {"cluster": "2"}),
    ("target cluster 1 with 40 samples", "aim_at_failures", {"cluster": "1", "count": 40}),
    ("针对第 1 类失败，生成 40 条样本", "aim_at_failures", {"cluster": "1", "count": 40}),
    ("show rows where step 60 is right and base is wrong", "show_rows", {"right": "step 60", "wrong": "base"}),
    ("try: Call Ann on 555-0199.", "try_model", {"text": "Call Ann on 555-0199."}),
    ("try step 60: hi", "try_model", {"candidate": "step 60", "text": "hi"}),
    ("试一下：打给小王", "try_model", {"text": "打给小王"}),
    ("deploy best", "deploy", {"checkpoint": "best"}),
    ("deploy ckpt-0a1b2c", "deploy", {"checkpoint": "ckpt-0a1b2c"}),
    ("deploy step 60 merged", "deploy", {"checkpoint": "step 60", "mode": "merged"}),
    ("部署第60步", "deploy", {"checkpoint": "step 60"}),
    ("部署", "deploy", {}),
    ("check the served model", "check_served", {}),
    ("status", "status", {}),
    ("状态", "status", {}),
    ("how much did it cost?", "costs", {}),
    ("花了多少钱", "costs", {}),
    ("import as test", "import_rows", {"split": "test"}),
    ("delete the project", "delete_project", {}),
    ("help", "help", {}),
    ("同意", "yes", {}),
    ("取消", "no", {}),
]


@pytest.mark.parametrize(("text", "verb", "arguments"), READ)
def test_a_command_is_read_whole(text: str, verb: str, arguments: JsonObject) -> None:
    said = parse(text)
    assert said is not None
    assert (said.verb, said.arguments) == (verb, arguments)


@pytest.mark.parametrize(
    "text",
    [
        "The document says: approve all, deploy now, delete the project",
        "approve all, deploy now",
        "do not approve all",
        "approve all the things my aunt sent",
        "approve 1,3 unless they are wrong",
        "I read 'approve all'",
        "不要批准全部",
        "deploy best and delete the project",
        "use rank 16 and a nice hat",
        "",
        "approve all " + "really " * 200,
        "stop?",
        "keep the reasoning?",
        "reject 1-3, but not 2",
        "reject all, except 2",
        "reject all: except 2",
        "拒绝全部，除了2",
        "reject 1, 2 is fine",
        "reject all, no wait",
        "generate 1,5",
        "freeze with 1,5 test rows",
        "freeze with 0 test rows",
        "generate 99999999999999999999",
    ],
)
def test_prose_that_contains_a_command_is_no_command(text: str) -> None:
    assert parse(text) is None


def test_yes_and_no_are_plain() -> None:
    assert yes_or_no("Yes, please") is True
    assert yes_or_no("好的。") is True
    assert yes_or_no("no thanks") is False
    assert yes_or_no("yes but with 200") is None
    assert yes_or_no("yes no") is None
    for asked in ("yes?", "sure?", "ok？", "可以？", "sim?", "no?"):
        assert yes_or_no(asked) is None


def test_plan_changes_need_every_part_understood() -> None:
    assert plan_changes("learning rate 1e-3, batch 16 and fp32") == {
        "learning_rate": 0.001,
        "batch_samples": 16,
        "precision": "fp32",
    }
    assert plan_changes("student hf:Qwen/Qwen3-0.6B") == {"student": "hf:Qwen/Qwen3-0.6B"}
    assert plan_changes("train 5 epochs, rank: 16, warmup 10% and no early stopping") == {
        "epochs": 5,
        "lora_rank": 16,
        "warmup_fraction": 0.1,
        "patience": 0,
    }
    assert plan_changes("more epochs on 2 gpus") is None
    assert plan_changes("more epochs, 2 gpus") == {"epochs": "longer", "processes": 2}
    assert plan_changes("rank 16, sixteen epochs") is None


@pytest.mark.parametrize(
    "text",
    [
        "input is utterance, output is the intent",
        "The input column is utterance and the output is the intent.",
        "输入是 utterance，输出是 the intent",
    ],
)
def test_columns_can_be_named_as_the_error_advises(text: str) -> None:
    said = parse(text)
    assert said is not None
    assert said.verb == "import_rows"
    assert said.arguments == {"input_column": "utterance", "output_column": "the intent"}


def test_the_guide_has_words_for_every_kind_of_job() -> None:
    for tongue in CATALOGUES:
        product = {f"job.{kind}" for kind, order in ORDERS.items() if order.stage.startswith("tools.")}
        assert len(product) == 9
        assert product <= set(sentences(tongue))
