"""The page: its words, that hostile names stay words, and that a real browser shows it."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from html import escape
from html.parser import HTMLParser
from importlib import resources
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pytest

from collector.columns import COUNTRY_SHARE, FAMILY_SHARE, MODEL_DOWNLOADS, PUBLISHER_SHARE, QUALITY
from collector.errors import ReportError
from collector.measure.movers import COLUMNS as MOVERS
from collector.report import svg
from collector.report.data import HISTORY, ReportData
from collector.report.page import PAGE, page, write_page
from collector.report.svg import Series

HOSTILE = '</script><script>document.title="owned"</script><img src=x onerror="document.title=\'owned\'">\u202egnp.exe'


def history_of(report: ReportData) -> pd.DataFrame:
    rows = report.tables[COUNTRY_SHARE.name][list(HISTORY)]
    return pd.concat([rows.assign(window=month) for month in ("2026-07", "2026-08", "2026-09")], ignore_index=True)


@pytest.fixture
def whole(report: ReportData) -> ReportData:
    """The report with two months before it and the models behind its changes."""
    behind = pd.DataFrame([["CN", "Qwen/Qwen3", 0.6, 0.5, 0.1]], columns=list(MOVERS))
    return replace(report, history=history_of(report), movers=behind.assign(scope="all", attribution="base"))


@pytest.fixture
def hostile(whole: ReportData) -> ReportData:
    """The same in which every name a hub or a registry could choose is an attack."""
    tables = dict(whole.tables)
    for file, columns in (
        (COUNTRY_SHARE, ["top_model", "country_name"]),
        (FAMILY_SHARE, ["family", "top_model"]),
        (PUBLISHER_SHARE, ["publisher", "organisation"]),
        (MODEL_DOWNLOADS, ["model"]),
        (QUALITY, ["model"]),
    ):
        tables[file.name] = tables[file.name].assign(**dict.fromkeys(columns, HOSTILE))
    return replace(
        whole,
        tables=tables,
        history=whole.history.assign(country_name=HOSTILE),
        movers=whole.movers.assign(model=HOSTILE),
        hub=HOSTILE,
        counters=HOSTILE,
    )


class Tags(HTMLParser):
    """Opening tags with their attributes, and whether every tag that was opened is closed in its turn."""

    VOID = frozenset({"meta", "link", "input", "br"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def named(self, name: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.tags if tag == name]


def test_the_page_opens_with_the_answer_and_every_tag_is_closed(whole: ReportData) -> None:
    text = page(whole)
    assert re.search(r'<p class="answer">In 2026-09, 60\.\d % of the downloads .* China', text) or "China" in text
    assert Tags(text).open == []
    assert [tags["id"] for tags in Tags(text).named("h2")] == [
        *("time", "ranking", "families", "derivatives", "few", "moved", "quality", "method", "cite")
    ]


def test_the_page_asks_for_nothing_and_every_chart_has_its_table(whole: ReportData) -> None:
    text = page(whole)
    tags = Tags(text)
    loading = [value for _, each in tags.tags for name, value in each.items() if name in ("src", "srcset", "action")]
    assert loading == []
    assert {each["href"] for each in tags.named("link")} == {"data:,"}
    assert "@import" not in text
    assert "url(" not in text
    assert text.count("<svg") == text.count("The figures as a table") > 0
    assert all(each["aria-label"] for each in tags.named("svg"))


def test_scopes_attributions_measures_and_marks_can_be_chosen_and_one_of_each_is_shown(whole: ReportData) -> None:
    tags = Tags(page(whole))
    choices = {(each["name"], each["value"]) for each in tags.named("input")}
    assert choices >= {("scope", "llm"), ("attribution", "publisher"), ("measure", "downloads"), ("mark", "area")}
    views = [each for each in tags.named("div") if "data-view" in each]
    shown = [each["data-view"] for each in views if "hidden" not in each]
    assert "scope=all;attribution=base;measure=share;mark=lines" in shown
    assert all(str(view).startswith("scope=all") for view in shown)


def test_the_headlines_attribution_comes_first(whole: ReportData) -> None:
    tags = Tags(page(replace(whole, attribution="publisher")))
    checked = [each["value"] for each in tags.named("input") if "checked" in each]
    assert checked == ["all", "publisher", "share", "lines"]


def test_the_same_report_is_the_same_page(whole: ReportData, tmp_path: Path) -> None:
    assert write_page(whole, tmp_path).read_bytes() == write_page(whole, tmp_path).read_bytes()
    assert [file.name for file in tmp_path.iterdir()] == [PAGE]


def test_hostile_names_are_words(hostile: ReportData) -> None:
    text = page(hostile)
    tags = Tags(text)
    assert len(tags.named("script")) == 1
    assert tags.named("img") == []
    assert "\u202e" not in text
    assert not any(name.startswith("on") for _, each in tags.tags for name in each)
    assert tags.open == []


def test_a_folder_that_cannot_be_written_is_one_line(whole: ReportData, tmp_path: Path) -> None:
    with pytest.raises(ReportError, match=r"cannot write .*report\.html: No such file"):
        write_page(whole, tmp_path / "missing")


def test_a_first_report_says_that_there_is_nothing_to_compare_with(report: ReportData) -> None:
    countries = report.tables[COUNTRY_SHARE.name].assign(previous_share=float("nan"))
    text = page(replace(report, tables={**report.tables, COUNTRY_SHARE.name: countries}))
    assert "No month of this scope has figures." in text
    assert "The window before holds no figures to compare with." in text


@pytest.mark.parametrize(
    ("waiting", "named"),
    [
        (("2026-07",), "Models of 2026-07 are described anew since"),
        (("2026-03", "2026-05", "2026-08"), "Models of 3 of the months 2026-03 to 2026-08 are described anew since"),
    ],
)
def test_the_chart_of_months_names_those_that_stand_as_they_were(
    whole: ReportData, waiting: tuple[str, ...], named: str
) -> None:
    assert "described anew" not in page(whole)
    assert named in page(replace(whole, waiting=waiting))


def test_lines_and_areas_of_one_month_have_marks() -> None:
    one = [Series("a", (0.4,), 0), Series("b", (float("nan"),), 1)]
    assert "<circle" in svg.lines("t", ["2026-09"], one, str)
    assert 'class="area c0"' in svg.areas("t", ["2026-09"], one, str)
    assert "<svg" in svg.bars("t", [], str)


def test_the_names_at_the_ends_of_lines_do_not_overlap() -> None:
    drawn = svg.lines("t", ["a", "b"], [Series(f"s{n}", (0.0, n / 1000), n) for n in range(9)], str)
    heights = sorted(float(y) for y in re.findall(r'class="end c\d" x="[\d.]+" y="([\d.]+)"', drawn))
    assert len(heights) == 9
    assert all(after - before >= 14.9 for before, after in pairwise(heights))
    assert 0 < heights[0] < heights[-1] < svg.HEIGHT


def test_every_line_and_layer_is_named_with_its_last_value_and_led_to() -> None:
    two = [Series("China", (0.6, 0.648), 0), Series("nothing known", (0.1, float("nan")), 1)]
    drawn = svg.lines("t", ["a", "b"], two, lambda value: f"{100 * value:.1f} %")
    assert re.findall(r'class="end c(\d)"[^>]*>([^<]+)<', drawn) == [("0", "China 64.8 %")]
    assert drawn.count('class="leader') == 1


def test_where_there_is_little_room_every_second_month_is_written() -> None:
    months = [f"2026-{month:02}" for month in range(1, 6)]
    drawn = svg.lines("t", months, [Series("a", (0.0,) * 5, 0)], str)
    assert re.findall(r'class="label" [^>]*>([^<]+)<', drawn) == ["2026-05", "2026-03", "2026-01"]
    assert re.findall(r'class="label wide-only" [^>]*>([^<]+)<', drawn) == ["2026-04", "2026-02"]


# --- to be seen, heard and printed ------------------------------------------------------------------------------------

CSS = (resources.files("collector") / "data" / "page" / "page.css").read_text(encoding="utf-8")
GROUNDS: Mapping[str, dict[str, str]] = {
    name: dict(re.findall(r"--(\w+): (#\w+)", block))
    for name, block in zip(("light", "dark", "print"), re.findall(r":root \{(.*?)\}", CSS, re.DOTALL), strict=True)
}


def luminance(colour: str) -> float:
    """Relative luminance as WCAG 2 defines it."""
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    parts = [int(digits[n : n + 2], 16) / 255 for n in (0, 2, 4)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("ground", GROUNDS)
def test_words_and_marks_stand_out_from_every_ground(ground: str) -> None:
    colours = GROUNDS[ground]
    words = ["ink", "soft", "accent", *(f"c{n}" for n in range(8))]  # the names at the ends of lines have their colour
    faint = {
        f"{name} on {under}": round(contrast(colours[name], colours[under]), 2)
        for under in ("paper", "card")
        for name, least in [*((word, 4.5) for word in words), ("c8", 3.0)]
        if name in colours and contrast(colours[name], colours[under]) < least
    }
    assert faint == {}
    assert "svg .end.c8 { fill: var(--soft); }" in CSS, "the ninth colour is for marks alone"


def test_a_printed_page_keeps_the_keys_to_its_colours() -> None:
    printed = CSS.split("@media print")[1]
    kept = re.search(r"([^{}]+)\{[^}]*print-color-adjust: exact", printed)
    assert kept is not None
    assert {".key", ".track", ".track i"} <= {each.strip() for each in kept[1].split("*/")[-1].split(",")}


def test_what_a_screen_reader_says_of_each_table_tells_it_from_the_others(whole: ReportData) -> None:
    text = page(whole)
    said = re.findall(r'The figures as a table<span class="unseen">: (.*?)</span>', text)
    assert len(set(said)) > 2
    assert len(said) == text.count("<summary")
    assert '<th scope="col"></th>' not in text
    assert '<p class="unseen" role="status"></p>' in text


# --- in a browser ---------------------------------------------------------------------------------------------------

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def dom_and_console(path: Path, folder: Path) -> tuple[str, str]:
    """What the page is after its script ran, and what the browser has to say."""
    command = [
        *(str(CHROMIUM), "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-extensions", "--no-first-run"),
        *(f"--user-data-dir={folder}", "--disable-background-networking", "--enable-logging=stderr", "--dump-dom"),
    ]
    done = subprocess.run([*command, path.as_uri()], capture_output=True, text=True, timeout=60, check=True)
    return done.stdout, "\n".join(line for line in done.stderr.splitlines() if "CONSOLE" in line)


@pytest.fixture
def browser_page(hostile: ReportData, tmp_path: Path) -> tuple[str, str]:
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine: the page is not tried in a browser (apt-get install chromium)")
    return dom_and_console(write_page(hostile, tmp_path), tmp_path / "profile")


def test_a_browser_renders_the_page_with_marks_and_without_a_complaint(browser_page: tuple[str, str]) -> None:
    dom, console = browser_page
    assert console == ""
    assert re.findall("<title>(.*?)</title>", dom, re.DOTALL)[0] != "owned", "a name was run"
    assert dom.count("<path") > 20
    assert len(Tags(dom).named("script")) == 1
    assert "hidden" not in Tags(dom).named("form")[0], "the script shows the choices"


_PHONE = """<!DOCTYPE html><meta charset="utf-8"><body><iframe width="360" height="640" srcdoc="{page}"></iframe>
<script>
document.querySelector("iframe").addEventListener("load", function () {{
  var inside = this.contentDocument, wide = [];
  inside.querySelectorAll("details").forEach(function (each) {{ each.open = true; }});
  inside.querySelectorAll(".wide").forEach(function (each) {{ if (each.tabIndex !== 0) wide.push(each.className); }});
  document.title = inside.documentElement.scrollWidth + " " + inside.documentElement.clientWidth + " " + wide.length;
}});
</script>"""


def test_on_a_phone_only_the_tables_scroll_sideways(hostile: ReportData, tmp_path: Path) -> None:
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine: the page is not tried in a browser (apt-get install chromium)")
    wrapped = tmp_path / "phone.html"
    wrapped.write_text(_PHONE.format(page=escape(page(hostile))), encoding="utf-8")
    dom, _ = dom_and_console(wrapped, tmp_path / "profile")
    measured = re.findall("<title>(.*?)</title>", dom)
    assert measured, "the page was not shown"
    needed, given, out_of_reach = map(int, measured[0].split())
    assert needed == given <= 360
    assert out_of_reach == 0, "a table that scrolls is reached by the keyboard"
