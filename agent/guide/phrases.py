"""What the guide says, in English and Chinese. Words in `backticks` are meant to be typed."""

from typing import Literal

Tongue = Literal["en", "zh"]

INTRO = {
    "en": "I am Retort's built-in guide: rules, not a language model, so I understand plain commands "
    "rather than prose. (Set RETORT_CHAT_MODEL to talk to a real one.)",
    "zh": "我是 Retort 内置的向导：只按规则工作，不是语言模型，请用简单的指令。"
    "（设置 RETORT_CHAT_MODEL 可换成真正的模型。）",
}
GOAL = {
    "en": "What should your small model do? For example: `Extract name, phone and email from English messages`, or "
    "`Classify customer emails into refund, delivery and complaint`.",
    "zh": "您想让小模型做什么？例如：`从中文短信中提取姓名、电话和邮箱`，或 `把客户邮件分为退款、物流、投诉`。",
}
QUESTIONS = {
    "kind": {
        "en": "Which kind of task is it? Say `extraction` (a JSON object), `classification` (one label), `answering` "
        "(questions about your documents), `rewriting` (in a style), `roleplay` (a character), `identity` (who it is), "
        "`calling` (functions) or `open` (free text).",
        "zh": "这是哪类任务？请说 `提取`（输出 JSON）、`分类`（输出一个标签）、`文档问答`、`改写`（按某种风格）、"
        "`角色扮演`、`身份`（它是谁）、`函数调用` 或 `开放`（自由文本）。",
    },
    "input_description": {
        "en": "What do the inputs look like? Answer in a few words, e.g. `short messages with contact details`.",
        "zh": "输入是什么样的文本？用几个字回答，例如：`带联系方式的短消息`。",
    },
    "fields": {
        "en": "Which fields should the answer have? A list, e.g. `name, phone, address, email`; one a line with a "
        "description works too: `phone: as written in the text`. For nested answers paste a JSON schema, or "
        'one answer: `{"order": "A-1", "items": [{"sku": "X-9", "quantity": 2}]}`.',
        "zh": "答案应包含哪些字段？请列出，例如：`姓名、电话、地址、邮箱`；"
        "也可以每行一个并加说明：`电话：保持原文写法`。若有嵌套，请粘贴 JSON schema，"
        '或一个答案示例：`{"订单": "A-1", "商品": [{"编号": "X-9", "数量": 2}]}`。',
    },
    "labels": {
        "en": "Which labels can the answer be? At least two, e.g. `refund, delivery, complaint`.",
        "zh": "有哪些标签可选？至少两个，例如：`退款、物流、投诉`。",
    },
    "style": {
        "en": "How should the rewritten text read? E.g. `formal, at most two sentences`.",
        "zh": "改写后的文本应是什么风格？例如：`正式，不超过两句`。",
    },
    "persona": {
        "en": "Describe the character on a card: who it is, how it talks, what it knows and never does.",
        "zh": "请描述这个角色：它是谁，怎么说话，知道什么，从不做什么。",
    },
    "name": {
        "en": "What is the model called, and who made it? E.g. `Nova, made by Acme`.",
        "zh": "模型叫什么名字，由谁开发？例如：`小星, 由星河公司`。",
    },
    "tools": {
        "en": "Paste the functions as JSON, each with `name`, `description` and `parameters` (a JSON schema).",
        "zh": "请粘贴函数的 JSON，每个含 `name`、`description` 和 `parameters`（JSON schema）。",
    },
    "language": {
        "en": "Which language are the inputs in? For example: `English`.",
        "zh": "输入文本是什么语言？例如：`中文`。",
    },
    "examples": {
        "en": "Do you have an example or two? One a line, `input => output`. Or say `skip`.",
        "zh": "有一两个例子吗？每行一个：`输入 => 输出`。没有就说 `跳过`。",
    },
    "examples of labels": {
        "en": "Please give a few examples for each label, one a line as `label: text`, e.g. `{label}: …`. "
        "They matter: what I know of a label is what they show. Or say `skip`.",
        "zh": "请为每个标签举几个例子，每行一个：`标签: 文本`，例如 `{label}: …`。例子很重要。没有就说 `跳过`。",
    },
}
NOT_READ = {
    "en": "I could not read that as an answer.",
    "zh": "这个回答我没有读懂。",
}
NEXT = {
    "ocr": {
        "en": "What you dropped holds no text yet: {pages} scanned pages. Say `ocr` to read them.",
        "zh": "这些文件还没有文字：共 {pages} 页扫描件。请说 `文字识别` 来读取。",
    },
    "documents": {
        "en": "The task is clear. Next: the documents to answer from. Drop the files into the chat.",
        "zh": "任务已明确。下一步：请把要用来回答的文档拖进对话。",
    },
    "draft": {
        "en": "The task is clear. Next: see some samples. Say `draft 5 samples`.",
        "zh": "任务已明确。下一步：先看几个样本。请说 `起草 5 个样本`。",
    },
    "judge": {
        "en": "Please judge the samples. Say `approve all`, `approve 1,3`, `reject 2: reason`, "
        "`edit 3: <right answer>` or `more like 2`.",
        "zh": "请审阅样本。可以说 `全部批准`、`批准 1,3`、`拒绝 2：原因`、`编辑 3：<正确答案>` 或 `再来几个像 2 的`。",
    },
    "generate": {
        "en": "{usable} samples are approved. Next: write enough of them to train on. Say `generate 300`.",
        "zh": "已批准 {usable} 个样本。下一步：生成足够的训练样本。请说 `生成 300 条`。",
    },
    "wait": {
        "en": "{what} is under way; I will tell you when it has ended. Say `status` to look, `stop` to stop it.",
        "zh": "{what}正在进行，结束时我会告诉您。说 `状态` 查看，说 `停止` 停止。",
    },
    "freeze": {
        "en": "{usable} samples are ready. Say `review 20` to judge some drawn at random, then `freeze` to split off a "
        "sealed test set.",
        "zh": "{usable} 个样本已就绪。说 `抽查 20` 随机审阅一些，然后说 `冻结` 封存测试集。",
    },
    "plan": {
        "en": "The dataset is frozen. Next: a training plan. Say `plan`.",
        "zh": "数据集已冻结。下一步：制定训练计划。请说 `计划`。",
    },
    "train": {
        "en": "Change the plan in words, e.g. `use rank 16, 3 epochs`, or say `train` to start.",
        "zh": "可以用话修改计划，例如 `使用秩 16、3 轮`；或说 `开始训练`。",
    },
    "resume": {
        "en": "The {what} stopped before its end. Say `resume` to go on, or `status` to look.",
        "zh": "{what}没有完成。说 `继续` 接着做，或说 `状态` 查看。",
    },
    "evaluate": {
        "en": "There are checkpoints. Next: score them and the base on the sealed test. Say `evaluate`.",
        "zh": "已有检查点。下一步：在封存的测试集上评测。请说 `评测`。",
    },
    "choose": {
        "en": "Say `compare` for the scores side by side, `evaluate on dev` and `show failures` to see what goes "
        "wrong, `try: <text>` to try the best checkpoint, `report` for one page, or `deploy best` to serve it.",
        "zh": "说 `比较` 查看对比，说 `试一下：<文本>` 试用最好的检查点，说 `报告` 生成报告，或说 `部署最好的` 上线。",
    },
    "starting": {
        "en": "The server is starting; I will tell you when it answers.",
        "zh": "服务正在启动，就绪后我会告诉您。",
    },
    "served": {
        "en": "The model is served. Say `try: <text>` to ask it, `check the served model` to prove it equal "
        "to what was scored, `costs`, or `stop the deployment`.",
        "zh": "模型已上线。说 `试一下：<文本>` 提问，说 `检查部署` 核对与评测是否一致，说 `费用`，或说 `停止部署`。",
    },
}
HELP = {
    "en": "I understand: `draft 5 samples`, `approve all`, `approve 1,3`, `reject 2: reason`, `edit 3: …`, "
    "`more like 2`, `undo`, `review 20` (or `review unusual`, `review uncertain`, `review coverage`), `rules`, "
    "`confirm the rule`, `policy all reviewed`, `policy at most 5 % bad`, "
    "`generate 300`, `show rejected samples`, `show lost answers`, `show documents`, `show FILE page 3`, `ocr`, "
    "`import` (with a file), `coverage`, `topics: a, b`, "
    "`label these` (with a file of inputs), `mask personal data`, `show the request`, `remove document NAME`, "
    "`freeze`, `plan`, `use rank 16, 3 epochs`, `train longer`, `train`, `continue 2 more epochs`, `diagnose`, "
    "`stop`, `resume`, `evaluate`, `compare`, `arena`, `judge`, `ranking`, `check forgetting`, `learning curve`, "
    "`try: text`, `deploy best`, "
    "`check the served model`, `stop the deployment`, "
    "`status`, `costs`, `delete the project`. To change the task, say e.g. `the fields are name and phone`, "
    "`phone is required`, `out of scope: other`, `3 turns`, `keep reasoning`, `system prompt: …`, or paste a JSON "
    "schema.",
    "zh": "我能听懂：`起草 5 个样本`、`全部批准`、`批准 1,3`、`拒绝 2：原因`、`编辑 3：…`、`再来几个像 2 的`、"
    "`撤销`、`抽查 20`、`审阅不确定的`、`规则`、`确认规则`、`策略：全部审阅`、`策略：最多 5 %`、"
    "`生成 300 条`、`查看被拒绝的样本`、`查看搁置的回答`、`导入`（附文件）、"
    "`覆盖表`、`主题：甲、乙`、`标注这些`（附输入文件）、`隐藏个人信息`、`预览请求`、`删除文档 文件名`、"
    "`冻结`、`计划`、`使用秩 16、3 轮`、`训练更久`、`开始训练`、`继续训练 2 轮`、`诊断`、`停止`、`继续`、`评测`、"
    "`比较`、`盲测`、`评判答案`、`排名`、`检查遗忘`、`学习曲线`、`试一下：文本`、`部署最好的`、`检查部署`、`停止部署`、`状态`、`费用`、`删除项目`。"
    "要修改任务，请说例如 `字段是 姓名、电话`、`电话必填`、`超出范围：其他`、`3 轮对话`、`保留推理`、`系统提示：…`，"
    "或粘贴 JSON schema。",
}
UNKNOWN = {
    "en": "I did not understand “{text}”.",
    "zh": "我没有听懂“{text}”。",
}
NO_FILE = {
    "en": "Drop a file into the chat with that message: JSONL or CSV.",
    "zh": "请在消息里附上文件：JSONL 或 CSV。",
}
NO_INPUTS = {
    "en": "Drop the file of inputs into the chat with that message: .txt with one a line, .csv or .jsonl.",
    "zh": "请在消息里附上输入文件：每行一条的 .txt，或 .csv、.jsonl。",
}
ALL_RIGHT = {"en": "All right.", "zh": "好的。"}
DECLINED = {
    "en": "Nothing was done. Say what you want instead, or `help`.",
    "zh": "什么都没有做。请说您想怎么做，或说 `帮助`。",
}
JOBS = {
    "read": {"en": "The reading", "zh": "文件读取"},
    "synthesize": {"en": "The generation", "zh": "样本生成"},
    "screen": {"en": "The screening", "zh": "样本筛查"},
    "train": {"en": "The training", "zh": "训练"},
    "evaluate": {"en": "The evaluation", "zh": "评测"},
    "judge": {"en": "The judging", "zh": "评判"},
    "guard": {"en": "The forgetting guard", "zh": "遗忘检查"},
    "curve": {"en": "The learning curve", "zh": "学习曲线"},
    "serve": {"en": "The server", "zh": "服务"},
}
