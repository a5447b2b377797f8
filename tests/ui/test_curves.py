"""The loss curve: drawn in its box whatever the numbers, with nothing to fetch."""

import re
from xml.etree import ElementTree

import pytest

from tools.training.monitor import Metric
from ui.show.curves import draw, loss_curve


def drawing(html: str) -> ElementTree.Element:
    found = re.search(r"<svg.*</svg>", html)
    assert found
    return ElementTree.fromstring(found[0])


def test_before_the_first_step_there_is_a_sentence() -> None:
    assert "first step" in loss_curve([])
    assert "first step" in draw([(1, float("nan"))], [])


@pytest.mark.parametrize("losses", [[2.0, 1.0, 0.5], [0.0], [1e-6, 2e-6], [1e4, 3.0], [5.0] * 2000])
def test_all_points_lie_inside(losses: list[float]) -> None:
    points = [(float(step), loss) for step, loss in enumerate(losses, 1)]
    svg = drawing(draw(points, points[-1:]))
    width, height = map(float, svg.attrib["viewBox"].split()[2:])
    lines = [line.attrib["points"] for line in svg.iter("polyline")]
    assert lines
    for line in lines:
        pairs = [tuple(map(float, pair.split(","))) for pair in line.split()]
        assert len(pairs) <= 161
        assert all(0 <= x <= width and 0 <= y <= height for x, y in pairs)


def test_train_and_dev_are_told_with_their_last_values() -> None:
    metrics = [
        Metric(step=1, epoch=0.1, loss_per_token=2.0),
        Metric(step=2, epoch=0.2, loss_per_token=1.5, dev_loss_per_token=1.6),
    ]
    html = loss_curve(metrics)
    assert "train 1.500" in html
    assert "dev 1.600" in html
    assert len(list(drawing(html).iter("circle"))) == 1
