"""What a reviewer of the registry asks for, on a small imported world: gaps, edits, files, and the worth of names."""

from __future__ import annotations

import csv
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from sqlalchemy import text

from collector import asking, lookups, review, tasks
from collector.config import Config, load_config
from collector.errors import CollectorError, ConfigError, RegistryError, ReportError, UsageError
from collector.importing import import_file
from collector.model import Base, Observation, Page, PollPlan
from collector.origins.knowledge import load_knowledge
from collector.origins.registry import COLUMNS
from collector.store.database import Database, upgrade
from collector.store.polls import PollStore
from tests.store.facts import declare

TODAY = date(2026, 11, 22)
HEADER = ",".join(COLUMNS)
# An account that the packaged registry has reviewed in vain: which one does not matter.
UNKNOWN = next(
    row.publisher
    for row in load_knowledge(None).registry.rows
    if (row.hub, row.country, row.kind) == ("huggingface", "ZZ", "individual")
)
COUNTERS = {
    "Qwen/Qwen3-8B": 600,
    "meta-llama/Llama-3.1-8B": 200,
    "nobody-known/thing": 100,
    "bartowski/nobody-known_thing-GGUF": 0,
    "also-unknown/base": 50,
    f"{UNKNOWN}/own-GGUF": 40,
}


def config_in(folder: Path, more: str = "") -> Config:
    path = folder / "config.toml"
    path.write_text(more + '\n[[scope]]\nname = "all"\n', encoding="utf-8")
    return load_config(path, {})


def now() -> datetime:
    return datetime(2026, 11, 22, tzinfo=UTC)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with readings at both ends of September 2026, and two declared bases."""
    folder = tmp_path_factory.mktemp("review")
    config = config_in(folder)
    upgrade(config.database.url)
    lines = ["model,observed_at,downloads_all_time"]
    for name, grown in COUNTERS.items():
        lines += [f"{name},2026-09-01,1000", f"{name},2026-10-01,{1000 + grown}"]
    (folder / "history.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    with Database.open(config.database.url, write=True) as db:
        import_file(folder / "history.csv", "huggingface", db, now, "", "")
        with db.begin() as connection:
            for name, base, relation in (
                (f"{UNKNOWN}/own-GGUF", "also-unknown/base", "quantized"),
                ("nobody-known/thing", "Qwen/Qwen3-8B", "finetune"),
            ):
                model_id = connection.execute(
                    text("SELECT id FROM model WHERE name = :name"), {"name": name}
                ).scalar_one()
                declare(connection, model_id, [Base(base, relation)])
        tasks.roll_up(db, asking.knowledge_of(config), config.scopes)
    return folder


@pytest.fixture
def config(folder: Path) -> Config:
    return config_in(folder)


def a_registry(path: Path, *rows: str) -> str:
    path.write_text("\n".join([HEADER, *rows]) + "\n", encoding="utf-8")
    return str(path)


QWEN = "huggingface,Qwen,Alibaba,{},company,,,because,certain,2026-11-22"
META = "huggingface,meta-llama,Meta,US,company,,,because,certain,2026-11-22"


# --- gaps -------------------------------------------------------------------------------------------------------------


def test_gaps_come_by_downloads_with_names_and_declared_bases(config: Config) -> None:
    columns, rows = review.unattributed(config, None, 50, TODAY).table
    found = {row[0]: dict(zip(columns, row, strict=True)) for row in rows}
    # Of the hundred of nobody-known only the uploader is unknown; the root is Qwen's.
    assert found["nobody-known"]["downloads"] == 100
    assert found["nobody-known"]["as_root"] == 0
    assert found["nobody-known"]["bases"] == "finetune:Qwen/Qwen3-8B"
    assert found["also-unknown"]["downloads"] == 90
    assert (found["also-unknown"]["as_uploader"], found["also-unknown"]["as_root"]) == (50, 90)
    assert found["also-unknown"]["sample"].split("; ") == ["also-unknown/base", f"{UNKNOWN}/own-GGUF"]
    assert [row[1] for row in rows] == sorted((row[1] for row in rows), reverse=True)


def test_never_reviewed_and_reviewed_in_vain_are_told_apart(config: Config) -> None:
    missing = review.unattributed(config, None, 50, TODAY)
    reviewed = {row[0]: row[5] for row in missing.table[1]}
    assert reviewed["nobody-known"] == "never"
    assert reviewed[UNKNOWN] == "unknown"
    assert missing.words[0].startswith("never reviewed: 2 accounts, 190 downloads")
    assert missing.words[1].startswith("reviewed and unknown: 1 accounts, 40 downloads")


def test_the_gaps_are_rows_that_a_reviewer_fills_in_and_the_check_then_takes(config: Config, tmp_path: Path) -> None:
    columns, rows = review.unattributed(config, None, 50, TODAY).rows_to_fill
    assert columns == COLUMNS
    path = tmp_path / "mine.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([columns, *rows])
    with pytest.raises(RegistryError, match=r"mine\.csv, line \d: unknown kind ''"):
        review.check_file(path, TODAY)
    filled = [
        [*row[:2], "Some One", "NZ", "company", *row[5:7], "its own site", "likely", row[9]] if row[4] == "" else row
        for row in rows
    ]
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([columns, *filled])
    assert review.check_file(path, TODAY) == ({"file": str(path), "rows": 3, "accounts": 3}, [])


@pytest.fixture
def polled(tmp_path: Path) -> Config:
    """A database after one poll: only the hub's own counts of the last 30 days are known."""
    config = config_in(tmp_path)
    upgrade(config.database.url)
    listed = {
        "Qwen/Qwen3-8B": (600, ()),
        "nobody-known/thing": (100, (Base("Qwen/Qwen3-8B", None),)),
        f"{UNKNOWN}/own": (40, ()),
        "@ odd/thing": (30, ()),
    }
    rows = tuple(
        Observation(f"key-{name}", name, None, count, 0, None, None, None, bases)
        for name, (count, bases) in listed.items()
    )
    with Database.open(config.database.url, write=True) as db:
        store = PollStore(db)
        poll = store.start_poll(store.hub_id("huggingface", ""), PollPlan("all"), now())
        store.finish_poll(store.write_page(poll, Page(now(), rows, None)), now())
    return config


def test_after_one_poll_the_gaps_come_by_the_hubs_last_30_days(polled: Config) -> None:
    missing = review.unattributed(polled, None, 50, TODAY)
    assert (missing.window, missing.total) == ("trailing-2026-11-22", 770)
    found = {row[0]: row for row in missing.table[1]}
    assert [found[name][1] for name in ("nobody-known", UNKNOWN)] == [100, 40]
    assert found["nobody-known"][7] == "Qwen/Qwen3-8B"  # a base of which no relation is declared
    assert missing.words == [
        "never reviewed: 2 accounts, 130 downloads (16.9% of all in trailing-2026-11-22)",
        "reviewed and unknown: 1 accounts, 40 downloads (5.2% of all in trailing-2026-11-22)",
    ]


def test_what_can_be_no_account_is_listed_and_has_no_row_to_fill(polled: Config) -> None:
    missing = review.unattributed(polled, None, 50, TODAY)
    assert "@ odd" in {row[0] for row in missing.table[1]}
    assert {row[1] for row in missing.rows_to_fill[1]} == {"nobody-known", UNKNOWN}


def test_what_a_reviewer_answers_is_missing_no_more(polled: Config, tmp_path: Path) -> None:
    row = dict(zip(COLUMNS, review.unattributed(polled, None, 1, TODAY).rows_to_fill[1][0], strict=True))
    answer = row | {
        "organisation": "Thing Ltd",
        "country": "NZ",
        "kind": "company",
        "basis": "its own site",
        "confidence": "certain",
    }
    with (tmp_path / "own.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([COLUMNS, [answer[name] for name in COLUMNS]])
    assert review.check_file(tmp_path / "own.csv", TODAY)[1] == []
    configured = config_in(tmp_path, '[origins]\nfile = "own.csv"\n')
    assert "nobody-known" not in {row[0] for row in review.unattributed(configured, None, 50, TODAY).table[1]}


def test_a_poll_without_30_day_counts_leaves_the_last_month(tmp_path: Path) -> None:
    config = config_in(tmp_path)
    upgrade(config.database.url)
    row = Observation("key", "nobody-known/thing", 100, None, 0, int(now().timestamp()) - 86_400, None, None)
    with Database.open(config.database.url, write=True) as db:
        store = PollStore(db)
        poll = store.start_poll(store.hub_id("huggingface", ""), PollPlan("all"), now())
        store.finish_poll(store.write_page(poll, Page(now(), (row,), None)), now())
    missing = review.unattributed(config, None, 50, TODAY)
    assert missing.window == "2026-11"


def test_a_hub_whose_poll_stored_nothing_is_one_clear_line(tmp_path: Path) -> None:
    config = config_in(tmp_path)
    upgrade(config.database.url)
    with Database.open(config.database.url, write=True) as db:
        store = PollStore(db)
        store.start_poll(store.hub_id("huggingface", ""), PollPlan("all"), now())
    with pytest.raises(ReportError, match="huggingface: nothing was read yet; run `collector poll` first"):
        review.unattributed(config, None, 50, TODAY)


def test_the_limit_cuts_the_list_and_not_the_count(config: Config) -> None:
    missing = review.unattributed(config, None, 1, TODAY)
    assert [row[0] for row in missing.table[1]] == ["nobody-known"]
    assert len(missing.rows_to_fill[1]) == 1
    assert missing.words[0].startswith("never reviewed: 2 accounts")


def test_nothing_read_is_one_clear_line(tmp_path: Path) -> None:
    config = config_in(tmp_path)
    upgrade(config.database.url)
    with pytest.raises(ReportError, match="nothing was read yet"):
        review.unattributed(config, None, 50, TODAY)


# --- files ------------------------------------------------------------------------------------------------------------


def test_a_review_dated_ahead_is_a_fault(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    a_registry(path, QWEN.format("CN").replace("2026-11-22", "2027-01-01"))
    _, faults = review.check_file(path, TODAY)
    assert faults == [f"{path}: Qwen: reviewed_on 2027-01-01 lies ahead of today"]


def test_a_country_that_does_not_exist_is_refused_with_file_and_line(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    a_registry(path, META, QWEN.format("QQ"))
    with pytest.raises(RegistryError, match=r"mine\.csv, line 3: unknown country 'QQ'.*nothing was loaded"):
        review.check_file(path, TODAY)


# --- edits ------------------------------------------------------------------------------------------------------------


def test_an_edit_shows_the_accounts_and_the_points_under_both_attributions(config: Config, tmp_path: Path) -> None:
    old = a_registry(tmp_path / "old.csv", QWEN.format("CN"), META)
    new = a_registry(tmp_path / "new.csv", QWEN.format("SG"))
    edit = review.registry_edit(config, old, new, "2026-09", hub=None, scope=None)
    assert edit.accounts[1] == [
        ("huggingface", "meta-llama", "removed", "US", ""),
        ("huggingface", "Qwen", "origin", "CN", "SG"),
    ]
    by = {(row[0], row[1]): row[3:] for row in edit.shares[1]}
    # 990 downloads: 600 of Qwen and 100 rooted in it, 200 of Meta.
    assert by["base", "CN"] == (round(700 / 990, 6), 0.0, round(-70000 / 990, 4))
    assert by["base", "SG"] == (0.0, round(700 / 990, 6), round(70000 / 990, 4))
    assert by["publisher", "SG"][1] == round(600 / 990, 6)
    assert by["publisher", "ZZ"][2] == round(20000 / 990, 4)


def test_the_packaged_registry_against_itself_changes_nothing(config: Config) -> None:
    edit = review.registry_edit(config, "packaged", "configured", "2026-09", hub=None, scope="all")
    assert (edit.accounts[1], edit.shares[1]) == ([], [])


def test_the_users_own_rows_are_part_of_the_configured_registry(folder: Path, tmp_path: Path) -> None:
    own = tmp_path / "own.csv"
    a_registry(own, "huggingface,nobody-known,Known,NZ,company,,,its own site,likely,2026-11-22")
    config = config_in(folder, f'[origins]\nfile = "{own}"\n')
    edit = review.registry_edit(config, "packaged", "configured", "2026-09", hub=None, scope=None)
    assert edit.accounts[1] == [("huggingface", "nobody-known", "added", "", "NZ")]
    assert {row[:2] for row in edit.shares[1]} == {("publisher", "NZ"), ("publisher", "ZZ")}


def test_dates_and_words_of_a_row_are_changes_and_a_new_review_is_none(config: Config, tmp_path: Path) -> None:
    old = a_registry(tmp_path / "old.csv", QWEN.format("CN"), META)
    dated = [
        QWEN.format("CN").replace("company,,,", "company,,2026-01-01,"),
        QWEN.format("SG").replace("company,,,", "company,2026-01-01,,"),
        META.replace("2026-11-22", "2026-11-01"),
    ]
    edit = review.registry_edit(config, old, a_registry(tmp_path / "n.csv", *dated), "2026-09", hub=None, scope=None)
    assert edit.accounts[1] == [("huggingface", "Qwen", "origin", "CN", "CN until 2026-01-01; SG from 2026-01-01")]
    words = a_registry(tmp_path / "w.csv", QWEN.format("CN").replace("because", "for another reason"), META)
    edit = review.registry_edit(config, old, words, "2026-09", hub=None, scope=None)
    assert [row[2] for row in edit.accounts[1]] == ["details"]
    assert edit.shares[1] == []


@pytest.mark.parametrize(
    ("old", "month", "scope", "error", "words"),
    [
        ("no-such-file.csv", "2026-09", None, RegistryError, r"no-such-file\.csv: cannot be read"),
        ("packaged", "2027-09", None, ReportError, "2027-09 holds no downloads"),
        ("packaged", "September", None, ReportError, "not a month: 'September'"),
        ("packaged", "2026-09", "none", UsageError, "--scope none: choose one of all"),
    ],
)
def test_wrong_words_are_one_clear_line(
    config: Config, old: str, month: str, scope: str | None, error: type[CollectorError], words: str
) -> None:
    with pytest.raises(error, match=words):
        review.registry_edit(config, old, "packaged", month, hub=None, scope=scope)


# --- the whole registry -----------------------------------------------------------------------------------------------


def test_the_check_says_what_is_held_and_how_good_the_name_rule_is(config: Config) -> None:
    held, faults = lookups.check_origins(config, TODAY)
    assert faults == []
    assert sum(held["kinds"].values()) == held["rows"]
    # Two declare a base; of neither does the name say anything.
    assert held["name_rule"] == [{"hub": "huggingface", "agreed": 0, "said": 0, "declared": 2}]
    assert "not measured" in lookups.held_lines(held)[-1]
    measured = {**held, "name_rule": [{"hub": "h", "agreed": 97, "said": 100, "declared": 150}]}
    assert "says something of 100 and leads to the same family in 97.0%" in lookups.held_lines(measured)[-1]


@pytest.mark.parametrize(("is_mended", "cure"), [(True, "remove the correction"), (False, "review the correction")])
def test_a_correction_that_the_hub_has_overtaken_is_a_fault_of_the_check(
    tmp_path: Path, is_mended: bool, cure: str
) -> None:
    config = config_in(tmp_path)
    upgrade(config.database.url)
    # Any one that was written because nothing was declared.
    item = next(each for each in asking.knowledge_of(config).corrections if each.expects == (frozenset(),))
    bases = tuple(Base(name, item.relation) for name in (item.bases if is_mended else ("some/other",)))
    row = Observation("key", item.model, 1, 1, 0, None, None, None, bases)
    with Database.open(config.database.url, write=True) as db:
        store = PollStore(db)
        poll = store.start_poll(store.hub_id(item.hub, ""), PollPlan("all"), now())
        store.finish_poll(store.write_page(poll, Page(now(), (row,), None)), now())
    _, faults = lookups.check_origins(config, TODAY)
    assert len(faults) == 1
    assert item.model in faults[0]
    assert faults[0].endswith(cure)


def test_the_check_needs_no_database(tmp_path: Path) -> None:
    held, faults = lookups.check_origins(config_in(tmp_path), TODAY)
    assert (held["name_rule"], faults) == ([], [])


def test_a_group_of_the_users_with_an_unknown_country_names_file_and_key(tmp_path: Path) -> None:
    config = config_in(tmp_path, '[[group]]\nname = "mine"\ncountries = ["DE", "QQ"]\n')
    with pytest.raises(ConfigError, match=r"config\.toml: group\.1\.countries: unknown country 'QQ'"):
        asking.knowledge_of(config)


def test_a_group_of_the_users_is_counted_in_reports(folder: Path, tmp_path: Path) -> None:
    config = config_in(folder, '[[group]]\nname = "mine"\ntitle = "My own"\ncountries = ["CN"]\n')
    span = asking.report_span("2026-09", None, None, False, now)
    pack = tasks.write_report(config, None, span, tmp_path)
    with (pack.folder / "group_share.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if (row["scope"], row["attribution"]) == ("all", "base")]
    mine = {row["group"]: row for row in rows}["mine"]
    assert (mine["group_title"], mine["downloads"]) == ("My own", "700")


# --- what is built anew -----------------------------------------------------------------------------------------------


def test_another_registry_makes_the_shares_be_built_anew_and_the_same_one_does_not(
    folder: Path, tmp_path: Path
) -> None:
    config = config_in(folder)
    own = tmp_path / "own.csv"
    a_registry(own, QWEN.format("SG"))
    edited = config_in(folder, f'[origins]\nfile = "{own}"\n')
    query = text(
        "SELECT country, downloads FROM country_share_month"
        " WHERE \"window\" = '2026-09' AND scope = 'all' AND attribution = 'base' AND downloads > 0"
    )

    def shares(with_config: Config) -> tuple[list[str], dict[str, int]]:
        with Database.open(with_config.database.url, write=True) as db:
            rebuilt = tasks.roll_up(db, asking.knowledge_of(with_config), with_config.scopes)["huggingface"]
            with db.connect() as connection:
                return rebuilt, {row.country: row.downloads for row in connection.execute(query)}

    before = shares(config)[1]
    assert shares(config) == ([], before)
    rebuilt, after = shares(edited)
    assert "2026-09" in rebuilt
    assert (after["SG"], before["CN"]) == (700, 700)
    assert shares(config)[1] == before
