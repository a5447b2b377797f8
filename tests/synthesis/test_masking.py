"""Personal data leaves no machine: the teacher sees placeholders, the sample has the values back."""

import pytest

from tests.synthesis.endpoint import teaching
from tests.synthesis.scholar import KINDS, scholar
from tests.synthesis.tasks import work
from tests.synthesis.test_kinds import with_task
from tools.catalog import Catalog
from tools.records import Project, Sample
from tools.synthesis.job import run
from tools.text.personal import mask, restore

PAGE = (
    "Write to ann.lee@corp.example or call +49 30 901820. It costs nothing.\n"
    "Refunds take 14 days after the order 20231105."
)


@pytest.mark.parametrize(
    ("text", "language", "nouns"),
    [
        ("mail bob@x.org, again bob@x.org", "en", ["EMAIL"]),
        ("IBAN DE89 3704 0044 0532 0130 00, card 4111 1111 1111 1111", "en", ["IBAN", "CARD"]),
        ("身份证 11010519491231002X，手机 13800138000", "zh", ["ID", "PHONE"]),
        ("SSN 536-22-1234 at 192.168.10.4", "en", ["ID", "IP"]),
        ("call (212) 736-5000 or +44 20 7946 0958", "en", ["PHONE", "PHONE"]),
        ("order 4111111111111112 of 2024-05-17, 14 days, page 12 of 300, version 1.2.3, $1,249.50", "en", []),
    ],
)
def test_what_has_a_form_is_masked_and_comes_back(text: str, language: str, nouns: list[str]) -> None:
    masked = mask(text, language)
    assert [name[1:].split("_")[0] for name in masked.values] == nouns
    assert not any(value in masked.text for value in masked.values.values())
    assert restore(masked.text, masked) == text


def test_hundreds_of_drawn_values_are_found() -> None:
    from faker import Faker

    faker = Faker("en_US")
    faker.seed_instance(5)
    values = [make() for make in (faker.email, faker.iban, faker.ipv4) for _ in range(100)]
    missed = [value for value in values if value in mask(f"Please note {value} for later.", "en").text]
    assert missed == []


def test_the_teacher_never_sees_what_the_sample_holds(
    catalog: Catalog, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = with_task(catalog, project, KINDS["answering"].model_copy(update={"pii": "mask"}), (PAGE,))
    with teaching(monkeypatch, scholar("answering")) as server:
        run(work(catalog, project, 6))
    sent = str(server.requests)
    assert "ann.lee" not in sent
    assert "901820" not in sent
    assert "[EMAIL_1]" in sent
    made = catalog.find(Sample, project.id)
    assert any("ann.lee@corp.example" in one.quote for one in made)
    for one in made:
        assert one.state == "approved", one.reason
        assert "[EMAIL_1]" not in one.question + one.answer + one.quote
