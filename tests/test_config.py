"""The configuration: what it means, and what it says when it is wrong."""

from __future__ import annotations

import dataclasses
import os
import stat
import tomllib
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from apscheduler.triggers.cron import CronTrigger
from hypothesis import given
from hypothesis import strategies as st

from collector.config import Config, config_path, example_config, load_config, normal_schedule
from collector.errors import ConfigError
from collector.model import CountryGroup, Scope

ROOT = Path(__file__).parent.parent
TOKEN = "hf_abcDEF123"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "config.toml"


def load(file: Path, text: str, **variables: str) -> Config:
    file.write_text(text, encoding="utf-8")
    return load_config(file, variables)


def faults(file: Path, text: str, **variables: str) -> list[str]:
    """What the configuration is refused for, one fault a line, without the file's name."""
    with pytest.raises(ConfigError) as caught:
        load(file, text, **variables)
    assert caught.value.exit_status == 2
    return [line.removeprefix(f"{file}: ") for line in str(caught.value).split("\n")]


# What it means.


def test_an_empty_file_is_the_defaults_of_the_design(file: Path) -> None:
    config = load(file, "")
    hub = config.hubs["huggingface"]
    assert (hub.name, hub.enabled, hub.endpoint) == ("huggingface", True, "https://huggingface.co")
    assert (hub.models, hub.top, hub.schedule, hub.timeout_seconds) == ("top", 20_000, "5 0 * * *", 30)
    assert hub.token is None
    assert config.database.url == f"sqlite:///{file.parent}/collector.db"
    assert (config.report.directory, config.report.attribution) == (file.parent / "reports", "base")
    assert (config.report.schedule, config.report.top_models) == ("0 6 2 * *", 50_000)
    assert (config.backup.directory, config.backup.keep, config.backup.schedule) == (None, 7, "30 3 * * *")
    assert (config.serve.host, config.serve.port) == ("127.0.0.1", 9464)
    assert (config.alert.webhook, config.origins.file) == (None, None)
    assert config.path == file


def test_the_default_scopes_are_all_llm_and_its_originals(file: Path) -> None:
    tags = frozenset({"text-generation", "image-text-to-text", "any-to-any"})
    assert load(file, "").scopes == (
        Scope("all"),
        Scope("llm", tags, date(2022, 11, 30)),
        Scope("llm-originals", tags, date(2022, 11, 30), frozenset({"quantized"})),
    )


def test_the_example_loads_and_equals_the_defaults(file: Path) -> None:
    assert load(file, example_config()) == load(file, "")


def test_the_example_names_every_key(file: Path) -> None:
    def keys(table: object) -> set[str]:
        if isinstance(table, list):
            return set().union(*map(keys, table))
        return set().union(table, *map(keys, table.values())) if isinstance(table, dict) else set()

    known = set()
    for section in ("[hub.huggingface]", "[report]", "[backup]", "[serve]", "[alert]", "[origins]", "[database]"):
        [fault] = faults(file, f"{section}\nq = 1")
        known |= set(fault.partition("known: ")[2].rstrip(")").split(", "))
    [fault] = faults(file, '[[scope]]\nname = "a"\nq = 1')
    known |= set(fault.partition("known: ")[2].rstrip(")").split(", "))
    assert known <= keys(tomllib.loads(example_config()))
    assert {"token_file", "timeout_seconds", "exclude_relations", "webhook"} <= known


def test_scopes_in_the_file_take_the_place_of_the_defaults(file: Path) -> None:
    text = '[[scope]]\nname = "new"\ncreated_after = 2025-01-31\nexclude_relations = ["merge", "adapter"]'
    assert load(file, text).scopes == (Scope("new", None, date(2025, 1, 31), frozenset({"merge", "adapter"})),)


def test_groups_of_countries_are_the_users_own_and_a_title_may_be_left_out(file: Path) -> None:
    text = '[[group]]\nname = "Five Eyes"\ntitle = "UKUSA"\ncountries = ["GB", "US"]\n'
    text += '[[group]]\nname = "mine"\ncountries = ["DE", "DE"]'
    assert load(file, text).groups == (
        CountryGroup("Five Eyes", "UKUSA", frozenset({"GB", "US"})),
        CountryGroup("mine", "mine", frozenset({"DE"})),
    )
    assert load(file, "").groups == ()


def test_groups_can_come_from_the_environment(file: Path) -> None:
    file.write_text("")
    groups = '[{"name": "mine", "countries": ["DE"]}]'
    assert load_config(file, {"COLLECTOR__GROUP": groups}).groups == (CountryGroup("mine", "mine", frozenset({"DE"})),)


def test_paths_are_relative_to_the_folder_of_the_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    text = '[report]\ndirectory = "out/r"\n[backup]\ndirectory = "b"\n[origins]\nfile = "mine.csv"'
    config = load(file, text, COLLECTOR__DATABASE__URL="sqlite:///sub/c.db")
    assert config.report.directory == file.parent / "out/r"
    assert config.backup.directory == file.parent / "b"
    assert config.origins.file == file.parent / "mine.csv"
    assert config.database.url == f"sqlite:///{file.parent}/sub/c.db"


def test_a_systemd_credential_is_the_token_where_nothing_else_is(file: Path, tmp_path: Path) -> None:
    folder = tmp_path / "credentials"
    folder.mkdir()
    assert load(file, "", CREDENTIALS_DIRECTORY=str(folder)).hubs["huggingface"].token is None
    (folder / "hf_token").write_text("hf_of_systemd\n")
    (folder / "hf_token").chmod(0o440)  # as systemd shows it
    token = load(file, "", CREDENTIALS_DIRECTORY=str(folder)).hubs["huggingface"].token
    assert token is not None
    assert token.get_secret_value() == "hf_of_systemd"
    token = load(file, "", CREDENTIALS_DIRECTORY=str(folder), HF_TOKEN="hf_of_environment").hubs["huggingface"].token
    assert token is not None
    assert token.get_secret_value() == "hf_of_environment"


def test_absolute_paths_and_postgresql_stay_as_they_are(file: Path) -> None:
    config = load(file, '[report]\ndirectory = "/srv/r"', COLLECTOR__DATABASE__URL="sqlite:////srv/c.db")
    assert (config.report.directory, config.database.url) == (Path("/srv/r"), "sqlite:////srv/c.db")
    url = "postgresql+psycopg://me:pw@db.example:5432/collector"
    assert load(file, f'[database]\nurl = "{url}"').database.url == url


def test_the_environment_wins_over_the_file(file: Path) -> None:
    config = load(
        file,
        "[hub.huggingface]\ntop = 10\nenabled = true\ntimeout_seconds = 5",
        COLLECTOR__HUB__HUGGINGFACE__TOP="500",
        COLLECTOR__HUB__HUGGINGFACE__ENABLED="false",
        COLLECTOR__REPORT__ATTRIBUTION="publisher",
        COLLECTOR__SCOPE='[{"name": "x", "created_after": "2024-02-29"}]',
    )
    hub = config.hubs["huggingface"]
    assert (hub.top, hub.enabled, hub.timeout_seconds) == (500, False, 5)
    assert config.report.attribution == "publisher"
    assert config.scopes == (Scope("x", None, date(2024, 2, 29)),)


def test_every_key_can_be_set_in_the_environment(file: Path) -> None:
    variables = {
        "DATABASE__URL": "sqlite:///e.db",
        "HUB__HUGGINGFACE__ENABLED": "0",
        "HUB__HUGGINGFACE__ENDPOINT": "http://127.0.0.1:8080/",
        "HUB__HUGGINGFACE__MODELS": "all",
        "HUB__HUGGINGFACE__TOP": "1",
        "HUB__HUGGINGFACE__SCHEDULE": "1 1 * * *",
        "HUB__HUGGINGFACE__TIMEOUT_SECONDS": "2.5",
        "REPORT__DIRECTORY": "r",
        "REPORT__ATTRIBUTION": "publisher",
        "REPORT__SCHEDULE": "2 2 * * *",
        "REPORT__TOP_MODELS": "3",
        "BACKUP__DIRECTORY": "b",
        "BACKUP__KEEP": "4",
        "BACKUP__SCHEDULE": "3 3 * * *",
        "BACKUP__CHECK_SCHEDULE": "4 4 * * *",
        "SERVE__LISTEN": "[::1]:0",
        "SERVE__NAMES": "One two.example",
        "ALERT__WEBHOOK": "https://hooks.example/x",
        "ALERT__QUIET_HOURS": "12",
        "ALERT__MOVED_POINTS": "0.5",
        "ALERT__CROSSINGS": "false",
        "ORIGINS__FILE": "o.csv",
    }
    config = load(file, "", **{f"COLLECTOR__{name}": text for name, text in variables.items()})
    hub = config.hubs["huggingface"]
    assert dataclasses.astuple(hub)[1:] == (False, "http://127.0.0.1:8080", "all", 1, "1 1 * * *", 2.5, None)
    assert dataclasses.astuple(config.report) == (file.parent / "r", "publisher", "2 2 * * *", 3)
    assert dataclasses.astuple(config.backup) == (file.parent / "b", 4, "3 3 * * *", "4 4 * * *")
    assert dataclasses.astuple(config.serve) == ("::1", 0, ("one", "two.example"))
    assert dataclasses.astuple(config.alert)[1:] == (12, 0.5, False)
    assert (config.alert.webhook, config.origins.file) == ("https://hooks.example/x", file.parent / "o.csv")


def test_the_file_is_the_one_given_else_the_variable_else_config_toml() -> None:
    assert config_path(Path("a.toml"), {"COLLECTOR_CONFIG": "b.toml"}) == Path("a.toml")
    assert config_path(None, {"COLLECTOR_CONFIG": "b.toml"}) == Path("b.toml")
    assert config_path(None, {"COLLECTOR_CONFIG": ""}) == Path("config.toml")


def test_a_file_with_a_byte_order_mark_is_read(file: Path) -> None:
    file.write_bytes(b"\xef\xbb\xbf[backup]\nkeep = 3")
    assert load_config(file, {}).backup.keep == 3


def test_a_configuration_cannot_be_changed(file: Path) -> None:
    config = load(file, "")
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.report.top_models = 1  # type: ignore[misc]  # frozen: that is the test


# What it says when it is wrong.


def test_a_mistyped_key_names_the_nearest(file: Path) -> None:
    text = "[hub.huggingface]\ntimeout_second = 3"
    assert faults(file, text) == ['hub.huggingface.timeout_second: no such key (did you mean "timeout_seconds"?)']


def test_all_faults_come_at_once_each_with_its_place(file: Path) -> None:
    text = "[reports]\n[backup]\nkep = 1\nkeep = 0\n[hub.hugingface]"
    assert faults(file, text, COLLECTOR__BACKUP__KEEP="x", COLLECTOR__SERVE__LISTN="y") == [
        'hub.hugingface: no such hub (did you mean "huggingface"?)',
        "backup.keep: must be more than 0",
        'backup.kep: no such key (did you mean "keep"?)',
        'reports: no such key (did you mean "report"?)',
        'COLLECTOR__SERVE__LISTN: no such key (did you mean "COLLECTOR__SERVE__LISTEN"?)',
        "COLLECTOR__BACKUP__KEEP: must be a whole number",
    ]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("database = 3", "database: must be a table of keys"),
        ("[database]\nurl = 'mysql://h/d'", "database.url: must be sqlite:///FILE or postgresql+psycopg://"),
        ("[database]\nurl = 'postgresql://h/d'", "database.url: must be sqlite:///FILE or postgresql+psycopg://"),
        ("[database]\nurl = 'sqlite:///:memory:'", "database.url: must be sqlite:///FILE"),
        ("[database]\nurl = 'sqlite:///'", "database.url: must be sqlite:///FILE"),
        ('[database]\nurl = "sqlite:///a\\u0000b"', "database.url: holds a control character"),
        ("hub.huggingface = 1", "hub.huggingface: must be a table of keys"),
        ("[hub.modelscope]", "hub.modelscope: no such hub (known: huggingface)"),
        ("[hub.huggingface]\nenabled = 'yes'", "hub.huggingface.enabled: must be true or false"),
        ("[hub.huggingface]\nenabled = 1", "hub.huggingface.enabled: must be true or false"),
        (
            "[hub.huggingface]\nendpoint = 'ftp://h'",
            "hub.huggingface.endpoint: must be an address that begins with http",
        ),
        ("[hub.huggingface]\nendpoint = 'https://'", "hub.huggingface.endpoint: must be an address that begins"),
        ("[hub.huggingface]\nendpoint = 'https://h:x'", "hub.huggingface.endpoint: must be an address that begins"),
        ("[hub.huggingface]\nendpoint = 'https://u:p@h'", "hub.huggingface.endpoint: must be scheme, host, port"),
        ("[hub.huggingface]\nendpoint = 'https://h/?a=b'", "hub.huggingface.endpoint: must be scheme, host, port"),
        ("[hub.huggingface]\nmodels = 'some'", "hub.huggingface.models: must be 'top' or 'all'"),
        ("[hub.huggingface]\ntop = 0", "hub.huggingface.top: must be more than 0"),
        ("[hub.huggingface]\ntop = '5'", "hub.huggingface.top: must be a whole number"),
        ("[hub.huggingface]\ntop = true", "hub.huggingface.top: must be a whole number"),
        ("[hub.huggingface]\ntop = 1.5", "hub.huggingface.top: must be a whole number"),
        ("[hub.huggingface]\ntimeout_seconds = 0", "hub.huggingface.timeout_seconds: must be more than 0"),
        ("[hub.huggingface]\ntimeout_seconds = inf", "hub.huggingface.timeout_seconds: must be"),
        ("[hub.huggingface]\ntimeout_seconds = 1e9", "hub.huggingface.timeout_seconds: must be at most 3600"),
        ("[hub.huggingface]\nschedule = '61 0 * * *'", 'hub.huggingface.schedule: minute "61" is not one of 0 to 59'),
        ("[report]\nschedule = '0 0 31 2 *'", "report.schedule: names a day that none of its months has"),
        ("[report]\nattribution = 'uploader'", "report.attribution: must be 'base' or 'publisher'"),
        ("[report]\ndirectory = ''", "report.directory: must not be empty"),
        ("[report]\ndirectory = 3", "report.directory: must be text"),
        ("[report]\ntop_models = -1", "report.top_models: must be more than 0"),
        ("[serve]\nlisten = 'here'", "serve.listen: must be host:port"),
        ("[serve]\nlisten = '::1:80'", "serve.listen: must be host:port"),
        ("[serve]\nlisten = '127.0.0.1:65536'", "serve.listen: must be host:port"),
        ("[alert]\nwebhook = 'mail me'", "alert.webhook: must be an address that begins with http"),
        ("scope = []", "scope: must not be empty"),
        ("scope = 'all'", "scope: must be a list"),
        ("scope = ['all']", "scope.1: must be a table of keys"),
        ("[[scope]]", "scope.1.name: is missing"),
        ("[[scope]]\nname = 'a b'", "scope.1.name: must be letters, digits"),
        ("[[scope]]\nname = 'a'\n[[scope]]\nname = 'a'", 'scope: two scopes are named "a"'),
        ("[[scope]]\nname = 'a'\npipeline_tags = []", "scope.1.pipeline_tags: must not be empty"),
        ("[[scope]]\nname = 'a'\npipeline_tags = 'x'", "scope.1.pipeline_tags: must be a list"),
        ("[[scope]]\nname = 'a'\npipeline_tags = ['']", "scope.1.pipeline_tags.1: must not be empty"),
        (
            "[[scope]]\nname = 'a'\ncreated_after = '2022-01-01'",
            "scope.1.created_after: must be a date, as in 2022-11-30",
        ),
        ("[[scope]]\nname = 'a'\nexclude_relations = ['quantised']", "scope.1.exclude_relations.1: must be 'finetune'"),
        (
            "[[scope]]\nname = 'a'\ncreated_befor = 1",
            'scope.1.created_befor: no such key (did you mean "created_after"?)',
        ),
        ("[[scopes]]\nname = 'a'", 'scopes: no such key (did you mean "scope"?)'),
        ("[[group]]\nname = 'a'", "group.1.countries: is missing"),
        ("[[group]]\nname = ' a'\ncountries = ['DE']", "group.1.name: must be 1 to 64 characters without blanks"),
        ("[[group]]\nname = 'a'\ncountries = []", "group.1.countries: must not be empty"),
        ("[[group]]\nname = 'a'\ncountries = ['de']", "group.1.countries.1: must be an ISO 3166-1 code"),
        (f"[[group]]\nname = 'a'\ntitle = '{'x' * 201}'\ncountries = ['DE']", "group.1.title: must be at most 200"),
        (
            "[[group]]\nname = 'a'\ncountries = ['DE']\n[[group]]\nname = 'A'\ncountries = ['FR']",
            'group: two groups are named "a"',
        ),
        ('[serve]\n"x\\ny" = 1', "serve.x?y: no such key (known: listen, names)"),
    ],
)
def test_a_wrong_value_is_one_line_with_its_key_and_the_cure(file: Path, text: str, fault: str) -> None:
    [line] = faults(file, text)
    assert line.startswith(fault)


@pytest.mark.parametrize(
    ("name", "text", "fault"),
    [
        ("COLLECTOR__REPORTS__TOP_MODELS", "1", 'no such key (did you mean "COLLECTOR__REPORT__TOP_MODELS"?)'),
        ("COLLECTOR__HUB__HUGGINGFACE", "{}", 'no such key (did you mean "COLLECTOR__HUB__HUGGINGFACE__TOP"?)'),
        ("COLLECTOR_DATABASE_URL", "sqlite:///x", 'no such key (did you mean "COLLECTOR__DATABASE__URL"?)'),
        ("collector__database__ulr", "sqlite:///x", "no such key"),
        ("COLLECTOR__REPORT__TOP_MODELS", "many", "must be a whole number"),
        ("COLLECTOR__HUB__HUGGINGFACE__ENABLED", "perhaps", "must be true or false"),
        ("COLLECTOR__BACKUP__SCHEDULE", "daily", "has 1 fields, a cron line has 5"),
        ("COLLECTOR__SCOPE", "all", "is not JSON"),
        ("COLLECTOR__SCOPE", '[{"name": "a", "created_after": "soon"}]', "scope.1.created_after: must be a date"),
        ("COLLECTOR__SCOPE", '[{"name": "a"}, {"name": "a"}]', 'two scopes are named "a"'),
        ("COLLECTOR__GROUP", '[{"name": "a", "countries": ["x"]}]', "group.1.countries.1: must be an ISO 3166-1 code"),
        ("COLLECTOR__GROUP", "[", "is not JSON"),
    ],
)
def test_a_wrong_variable_is_one_line_with_its_name(file: Path, name: str, text: str, fault: str) -> None:
    [line] = faults(file, "", **{name: text})
    assert line.startswith(f"{name.upper()}: {fault}")


def test_variables_of_others_are_left_alone(file: Path) -> None:
    assert load(file, "", COLLECTOR_CONFIG="x", COLLECTOR_TEST_POSTGRES="y", PATH="z") == load(file, "")


def test_broken_toml_names_the_line(file: Path) -> None:
    [line] = faults(file, "[backup]\nkeep = = 3")
    assert line.startswith("is not TOML: ")
    assert "line 2" in line


def test_a_file_that_is_no_text_is_said_to_be_none(file: Path) -> None:
    file.write_bytes(b"[backup]\nkeep = 3 # \xff")
    with pytest.raises(ConfigError, match="is not UTF-8 text"):
        load_config(file, {})


def test_a_missing_file_names_init(file: Path) -> None:
    with pytest.raises(ConfigError, match=r"config\.toml: no such file; `collector init` writes one"):
        load_config(file, {})


def test_a_folder_is_not_a_configuration(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(tmp_path, {})


# The token.


def token_file(folder: Path, text: str, mode: int = 0o600) -> str:
    path = folder / "token"
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    return '[hub.huggingface]\ntoken_file = "token"'


def token_of(config: Config) -> str:
    token = config.hubs["huggingface"].token
    assert token is not None
    return token.get_secret_value()


def test_the_token_comes_from_the_environment_or_from_a_file(file: Path) -> None:
    assert token_of(load(file, "", HF_TOKEN=TOKEN)) == TOKEN
    text = token_file(file.parent, f"{TOKEN}\n")
    assert token_of(load(file, text)) == TOKEN
    assert token_of(load(file, text, HF_TOKEN="hf_other")) == "hf_other"
    assert token_of(load(file, text, HF_TOKEN=" ")) == TOKEN


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_token_file_that_others_can_read_is_refused(file: Path, mode: int) -> None:
    text = token_file(file.parent, TOKEN, mode)
    [line] = faults(file, text)
    assert line.startswith("hub.huggingface.token_file: ")
    assert "chmod 600" in line
    assert stat.S_IMODE(os.stat(file.parent / "token").st_mode) == mode


@pytest.mark.parametrize(("text", "fault"), [("", "is empty"), ("two words", "one word"), ("hf_\x07", "one word")])
def test_a_token_file_without_a_token_is_refused(file: Path, text: str, fault: str) -> None:
    [line] = faults(file, token_file(file.parent, text))
    assert fault in line
    assert "hf_" not in line


def test_a_missing_token_file_is_named(file: Path) -> None:
    [line] = faults(file, '[hub.huggingface]\ntoken_file = "nowhere"')
    assert line == f"hub.huggingface.token_file: {file.parent / 'nowhere'} cannot be read (No such file or directory)"


def test_a_token_in_the_file_or_in_our_variables_is_sent_where_it_belongs(file: Path) -> None:
    lines = faults(
        file, f'[hub.huggingface]\ntoken = "{TOKEN}"', COLLECTOR__HUB__HUGGINGFACE__TOKEN=TOKEN, COLLECTOR__TOKEN=TOKEN
    )
    assert len(lines) == 3
    for line in lines:
        assert "set HF_TOKEN in the environment" in line
        assert TOKEN not in line


def test_no_secret_is_ever_shown(file: Path) -> None:
    config = load(
        file,
        f'[database]\nurl = "postgresql+psycopg://me:{TOKEN}@h/d"\n[alert]\nwebhook = "https://h/{TOKEN}"',
        HF_TOKEN=TOKEN,
    )
    for shown in (repr(config), str(config.hubs["huggingface"].token), f"{config.database}", f"{config.alert}"):
        assert TOKEN not in shown
    for line in faults(
        file,
        f"[database]\nurl = 'postgres://me:{TOKEN}@h/d'\n[alert]\nwebhook = '{TOKEN}'\n"
        f"[hub.huggingface]\nendpoint = 'https://me:{TOKEN}@h'",
        HF_TOKEN=TOKEN,
    ):
        assert TOKEN not in line


# Cron.


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("5 0 * * *", "5 0 * * *"),
        ("*/15 8-10 * * *", "0,15,30,45 8,9,10 * * *"),
        ("50/4 0 1,15 jan-MAR *", "50,54,58 0 1,15 1,2,3 *"),
        ("0 0 * * 0", "0 0 * * sun"),
        ("0 0 * * 7", "0 0 * * sun"),
        ("0 0 * * 1-5", "0 0 * * mon,tue,wed,thu,fri"),
        ("0 0 * * 0-7", "0 0 * * *"),
        ("0 0 29 2 *", "0 0 29 2 *"),
    ],
)
def test_a_schedule_is_written_out_with_weekdays_by_name(text: str, normal: str) -> None:
    assert normal_schedule(text) == normal


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "has 0 fields"),
        ("0 0 * * * *", "has 6 fields"),
        ("x 0 * * *", 'minute "x" is not one of 0 to 59'),
        ("0 24 * * *", 'hour "24" is not one of 0 to 23'),
        ("0 0 0 * *", 'day of the month "0" is not one of 1 to 31'),
        ("0 0 * 13 *", 'month "13" is not one of 1 to 12'),
        ("0 0 * * 8", 'weekday "8" is not one of 0 to 7'),
        ("0 0 * * L", 'weekday "L" is not one of 0 to 7'),
        ("5-1 0 * * *", "ends before it begins"),
        ("*/0 0 * * *", "a step that leads out of its range"),
        ("*/60 0 * * *", "a step that leads out of its range"),
        ("1, 0 * * *", 'cannot read minute ""'),
        ("-1 0 * * *", 'cannot read minute "-1"'),
        ("\u0661 0 * * *", "cannot read minute"),
        ("0 0 31 4,6 *", "none of its months has"),
        ("0 0 13 * 5", "put * in place of one of them"),
    ],
)
def test_an_impossible_schedule_says_which_field(text: str, fault: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        normal_schedule(text)
    assert fault in str(caught.value)


def field(low: int, high: int) -> st.SearchStrategy[str]:
    """Cron text for one field: `*`, `*/step`, a value, a range, or a list of those."""
    value = st.integers(low, high)
    bounds = st.tuples(value, value).map(sorted)
    part = st.one_of(
        st.just("*"),
        st.integers(1, high - low).map(lambda step: f"*/{step}"),
        value.map(str),
        bounds.map(lambda pair: f"{pair[0]}-{pair[1]}"),
    )
    return st.lists(part, min_size=1, max_size=3).map(",".join)


def values(text: str, low: int, high: int) -> set[int]:
    """Slow and obvious: every value tried against every part of the field."""

    def inside(value: int, part: str) -> bool:
        first, _, step = part.partition("/")
        if first == "*":
            return (value - low) % int(step or 1) == 0
        begin, _, end = first.partition("-")
        return int(begin) <= value <= int(end or begin)

    return {value for value in range(low, high + 1) if any(inside(value, part) for part in text.split(","))}


@given(
    st.tuples(field(0, 59), field(0, 23), st.just("*"), field(1, 12), field(0, 7)),
    st.integers(0, 3 * 10**8).map(lambda seconds: datetime(2024, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)),
)
def test_the_scheduler_fires_when_cron_would(fields: tuple[str, ...], now: datetime) -> None:
    trigger = CronTrigger.from_crontab(normal_schedule(" ".join(fields)), timezone=UTC)
    fired = trigger.get_next_fire_time(None, now)
    minutes, hours = values(fields[0], 0, 59), values(fields[1], 0, 23)
    months, weekdays = values(fields[3], 1, 12), {day % 7 for day in values(fields[4], 0, 7)}

    def due(day: date) -> bool:
        return day.month in months and day.isoweekday() % 7 in weekdays

    start = now.replace(second=0, microsecond=0) + (
        timedelta(minutes=1) if now.second or now.microsecond else timedelta()
    )
    expected = next(
        moment
        for day in range(400)
        if due((start + timedelta(days=day)).date())
        for hour in sorted(hours)
        for minute in sorted(minutes)
        if (moment := (start + timedelta(days=day)).replace(hour=hour, minute=minute)) >= start
    )
    assert fired == expected
