"""The importance report: every file names every channel, the page is whole and safe."""

from __future__ import annotations

import base64
import csv
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from matplotlib.figure import Figure

from baseline.importance import Importance
from baseline.report import SHOWN, cell, colours, formula_of, reference_of, section, write_report
from baseline.settings import GBM_CHANNELS
from errors import OutputError
from features.channels import parse_channel

CHANNELS = [
    Importance(name, parse_channel(name).family, 0.02, 0.02, 0.1 - 0.004 * place, 0.3)
    for place, name in enumerate(GBM_CHANNELS)
]
FAMILIES = [Importance(family, family, 0.2, 0.2, 0.1, 0.5) for family in sorted({row.family for row in CHANNELS})]
METRICS: dict[str, Any] = {
    "pooled": {"mcc": 0.61234, "iou": 0.5},
    "folds": [
        {"fold": 0, "tiles": ["01_01", "<b>"], "threshold": 0.4, "mcc": 0.7125},
        {"fold": 1, "tiles": ["01_02"], "threshold": 0.5, "mcc": 0.3, "note": None},
    ],
    "tiles": {"01_01": {"mcc": 0.5555}, "<i>": {"mcc": 0.25}},
    "settings": {"trees": 250, "learning_rate": 0.0001, "<u>": "a & b"},
    "codings": ["Collection-2 Level-2"],
    "remark": "</table><script>",
    "nothing": {},
}
OPEN_ALONE = {"meta", "img"}


class Page(HTMLParser):
    """Words, tags and images of a page; fails where a tag is closed that was not opened last."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.tags: list[str] = []
        self.open: list[str] = []
        self.outside: list[str] = []
        self.feed(text)
        self.close()

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.outside += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag not in OPEN_ALONE:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def report(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("report") / "made"
    write_report(folder, CHANNELS, FAMILIES, METRICS)
    return folder


@pytest.fixture(scope="module")
def page(report: Path) -> Page:
    return Page((report / "report.html").read_text(encoding="utf-8"))


def test_tables_hold_every_row(report: Path):
    with open(report / "importance.csv", newline="", encoding="utf-8") as file:
        table = list(csv.DictReader(file))
    measures = ["gain", "split", "permutation", "shap"]
    assert list(table[0]) == ["channel", "family", *measures, "formula", "reference"]
    assert [row["channel"] for row in table] == [row.name for row in CHANNELS]
    assert [float(row["permutation"]) for row in table] == pytest.approx([row.permutation for row in CHANNELS])
    assert all(row["reference"] for row in table if row["channel"] != "green.share31")
    with open(report / "importance_by_family.csv", newline="", encoding="utf-8") as file:
        families = list(csv.DictReader(file))
    assert list(families[0]) == ["family", *measures]
    assert [row["family"] for row in families] == [row.name for row in FAMILIES]


def test_the_page_names_every_channel_and_stands_alone(report: Path, page: Page):
    assert set(GBM_CHANNELS) <= set(page.words)
    assert page.open == []
    (image,) = page.outside
    assert base64.b64decode(image.split("base64,")[1]) == (report / "importance.png").read_bytes()


def test_the_page_shows_all_metrics(page: Page):
    for word in ("0.6123", "0.7125", "0.5555", "250", "1.0e-04", "Collection-2 Level-2", "settings", "nothing"):
        assert word in page.words


def test_names_from_files_are_escaped(page: Page):
    assert {"01_01, <b>", "<i>", "<u>", "a & b", "</table><script>"} <= set(page.words)
    assert not {"b", "i", "u"} & set(page.tags)
    assert page.tags.count("script") == 1


def test_gain_and_splits_are_not_called_held_out(page: Page):
    assert any("on training tiles" in word for word in page.words)


@pytest.mark.parametrize("metrics", [{}, {"pooled": {}}, {"folds": []}, {"deep": {"a": {"b": [1, {"c": None}]}}}])
def test_any_metrics_give_a_page(tmp_path: Path, metrics: dict[str, Any]):
    write_report(tmp_path, CHANNELS[:1], FAMILIES[:1], metrics)
    assert Page((tmp_path / "report.html").read_text(encoding="utf-8")).open == []


def test_records_may_differ_in_their_entries():
    text = section("folds", METRICS["folds"])
    assert text.count("<tr>") == 3
    assert text.count("<th>note</th>") == 1


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.12345, '<td class="number">0.1235</td>'),
        (-0.25, '<td class="number">-0.2500</td>'),
        (0.0, '<td class="number">0.0000</td>'),
        (float("nan"), '<td class="number">nan</td>'),
        (7, '<td class="number">7</td>'),
        (True, "<td>True</td>"),
        (None, "<td></td>"),
        (["a", "<"], "<td>a, &lt;</td>"),
        ("1-2", "<td>1-2</td>"),
    ],
)
def test_cells(value: Any, text: str):
    assert cell(value) == text


def test_a_failed_figure_leaves_nothing_half_written(tmp_path: Path, monkeypatch):
    def fail(self: Figure, path: Path, **options: Any) -> None:
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Figure, "savefig", fail)
    with pytest.raises(OutputError, match=r"importance\.png.*No space left"):
        write_report(tmp_path, CHANNELS, FAMILIES, METRICS)
    assert {path.name for path in tmp_path.iterdir()} == {"importance.csv", "importance_by_family.csv"}


def test_a_failed_page_leaves_the_one_before(tmp_path: Path):
    write_report(tmp_path, CHANNELS[:1], FAMILIES[:1], METRICS)
    before = (tmp_path / "report.html").read_bytes()

    class Unprintable:
        def __str__(self) -> str:
            raise ValueError

    with pytest.raises(ValueError):
        write_report(tmp_path, CHANNELS[:1], FAMILIES[:1], {"bad": Unprintable()})
    assert (tmp_path / "report.html").read_bytes() == before
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match="importance.csv"):
        write_report(tmp_path / "file", CHANNELS, FAMILIES, METRICS)


def test_families_keep_their_colours():
    assert len(set(colours(CHANNELS).values())) == len(FAMILIES)
    assert colours(CHANNELS) == colours(reversed(CHANNELS))
    assert len(CHANNELS) > SHOWN, "the figure's cut is exercised"


@pytest.mark.parametrize(
    ("channel", "formula", "source"),
    [
        ("ndsi", "(G - S1) / (G + S1)", "Hall et al. 1995"),
        ("green", "asinh(g / STRETCH)", "Lupton et al. 1999"),
        ("green.std7", "local standard deviation of asinh(g / STRETCH), 7 x 7 cells", "Lupton et al. 1999"),
        (
            "ndsi.contrast21",
            "root of the GLCM contrast over eight neighbours of (G - S1) / (G + S1), 21 x 21 cells",
            "Haralick",
        ),
        ("thermal.rank", "rank among the scene's valid pixels of T", "surface temperature"),
        ("green.share31", "share of valid pixels around, 31 x 31 cells", ""),
    ],
)
def test_formula_and_source_of_a_channel(channel: str, formula: str, source: str):
    assert formula_of(channel) == formula
    assert source in reference_of(channel)
