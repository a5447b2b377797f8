"""Tasks that the tests of this stage share, and a work order without a process of its own."""

from tools.catalog import Catalog
from tools.jobs import Work
from tools.records import Example, Job, Project, SynthesisOrder, Task, TaskField, new_id


def extraction(*fields: TaskField, language: str = "en") -> Task:
    return Task(kind="extraction", input_description="short messages", fields=fields, language=language)


def named(*names: str, language: str = "en") -> Task:
    return extraction(*(TaskField(name=name) for name in names), language=language)


ORDERS = extraction(
    TaskField(name="order_number", description="an id like AB-1234"),
    TaskField(name="product", required=True),
    TaskField(name="quantity", kind="integer"),
    TaskField(name="total", kind="number"),
    TaskField(name="gift", kind="boolean"),
    TaskField(name="priority", description="one of low, normal or high"),
    TaskField(name="delivery date"),
    TaskField(name="colors", kind="list"),
)
NESTED = extraction(
    TaskField(name="order", required=True, description="an id like AB-1234"),
    TaskField(name="state", choices=("open", "paid")),
    TaskField(name="tags", kind="list", items="string", description="one of red, green, blue"),
    TaskField(name="ship_to", kind="object", fields=(TaskField(name="name"), TaskField(name="city"))),
    TaskField(
        name="items",
        kind="list",
        fields=(
            TaskField(name="product", required=True),
            TaskField(name="quantity", kind="integer"),
            TaskField(name="price", kind="number"),
        ),
    ),
)
TWO_PHONES = named("home phone", "work phone", "company", "website")
CITY = named("first name", "last name", "address", "city", "zip")
CHINESE = named("姓名", "电话", "地址", "邮箱", language="zh")
CHINESE_ORDERS = named("订单号", "商品", "数量", "金额", "日期", "公司", "城市", "邮编", language="zh")
GERMAN = named("name", "phone", "address", "email", "iban", language="de")
BANK = Task(
    kind="classification",
    input_description="messages to a bank",
    labels=("card lost", "balance"),
    language="en",
    examples=(
        Example(input="I lost my card", output="card lost"),
        Example(input="my card was stolen on Monday", output="card lost"),
        Example(input="How much money is in account 4412?", output="balance"),
        Example(input="what's my balance", output="balance"),
    ),
)


def work(catalog: Catalog, project: Project, count: int, max_usd: float = 1.0) -> Work:
    """A job's inside, in this process."""
    order = SynthesisOrder(count=count, max_usd=max_usd)
    job = Job(id=new_id("job"), owner=catalog.owner, project_id=project.id, order=order)
    return Work(catalog, catalog.add(job))
