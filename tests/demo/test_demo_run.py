"""`collector demo` as a stranger runs it: in an empty folder, with a dead proxy in the environment, twice."""

from __future__ import annotations

import csv
import json
import re
import shutil
from pathlib import Path

import pytest

from collector.errors import CollectorError
from collector.store.queries import run_sql
from tests.demonstration import Demo, run_demo, the_demo

README = (Path(__file__).parent.parent.parent / "README.md").read_text(encoding="utf-8")
# The query of exported Parquet files is DuckDB's: tests/takeaway runs it.
RECIPES = [each for each in re.findall(r"```sql\n(.*?)```", README, re.DOTALL) if "read_parquet" not in each]
MONTHS = ["2026-06", "2026-07", "2026-08", "2026-09"]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    return the_demo(tmp_path_factory)


@pytest.fixture(scope="module")
def again(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """The demo run once more in the folder that it left."""
    folder = tmp_path_factory.mktemp("again")
    shutil.copytree(demo.output, folder / demo.output.name)
    return Demo(folder, run_demo(folder))


def test_it_leaves_database_configuration_and_four_packs_in_the_folder_it_names(demo: Demo) -> None:
    assert sorted(path.name for path in (demo.output / "reports").iterdir()) == MONTHS
    assert (demo.output / "config.toml").exists()
    assert "are in demo-output" in demo.said


def test_it_leaves_nothing_outside_its_folder(demo: Demo) -> None:
    assert [path.name for path in demo.folder.iterdir()] == ["demo-output"]


def test_a_second_run_says_and_writes_the_same_bytes(demo: Demo, again: Demo) -> None:
    assert again.said == demo.said
    assert again.reports() == demo.reports()
    assert [path.name for path in again.folder.iterdir()] == ["demo-output"]


def test_it_leads_with_shares_and_says_what_it_is(demo: Demo) -> None:
    said = demo.said
    assert re.search(r"In 2026-09, [\d.]+ % of the downloads of the models polled on huggingface", said)
    assert "a recording of a selection of language models, not the whole hub" in said
    assert "no trend" in said
    assert "every figure is estimated" in said
    for month in MONTHS:
        assert re.search(rf"^  {month}: 2026-\d\d-\d\d", said, re.MULTILINE)


def test_the_lone_reading_of_the_tenth_of_july_is_left_out(demo: Demo) -> None:
    assert "2026-07-10" not in demo.said


def test_every_figure_is_marked_estimated(demo: Demo) -> None:
    with (demo.output / "reports" / "2026-09" / "country_share.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["downloads"] != "0"]
    assert {row["measured_share"] for row in rows} == {"0.000000"}
    shares = [float(row["share"]) for row in rows if (row["scope"], row["attribution"]) == ("all", "base")]
    assert sum(shares) == pytest.approx(1, abs=1e-4)


def test_the_packs_name_the_polls_they_rest_on(demo: Demo) -> None:
    package = json.loads((demo.output / "reports" / "2026-07" / "datapackage.json").read_text(encoding="utf-8"))
    assert [poll["from"][:10] for poll in package["polls"]] == ["2026-06-23", "2026-07-05", "2026-08-04"]


def test_the_readmes_excerpt_is_what_the_demo_says(demo: Demo) -> None:
    [excerpt] = re.findall(r"```text\n(.*?)```", README, re.DOTALL)
    said = " ".join(demo.said.split())
    [month_table] = re.findall(r"country +2026-06.*?\n\n|country +2026-06.*?(?=…)", excerpt, re.DOTALL)
    assert all(" ".join(line.split()) in said for line in month_table.splitlines())


@pytest.mark.parametrize("recipe", RECIPES, ids=range(len(RECIPES)))
def test_every_recipe_of_the_readme_runs_on_its_database(demo: Demo, recipe: str) -> None:
    answer = run_sql(demo.url, recipe)
    assert len(answer.columns) > 1
    assert answer.rows or "status <> 'complete'" in recipe


def test_a_recipes_share_is_that_of_the_csv_file(demo: Demo) -> None:
    recipe = next(recipe for recipe in RECIPES if "country_share_month" in recipe)
    rows = [row for row in run_sql(demo.url, recipe).rows if row[:2] == ("2026-09", "CN")]
    with (demo.output / "reports" / "2026-09" / "country_share.csv").open(encoding="utf-8", newline="") as file:
        wanted = ("all", "base", "CN")
        [line] = [r for r in csv.DictReader(file) if (r["scope"], r["attribution"], r["country"]) == wanted]
    assert rows[0][2] == pytest.approx(100 * float(line["share"]), abs=0.051)


def test_a_folder_with_other_files_is_left_alone(tmp_path: Path) -> None:
    from collector.demo.run import run_demo as run_here

    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(CollectorError, match="holds other files"):
        run_here(tmp_path, print, 100)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]
    with pytest.raises(CollectorError, match="--out"):
        run_here(tmp_path / "thesis.txt" / "below", print, 100)
