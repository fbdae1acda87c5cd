"""What lies in ops/ fits what the daemon does: the unit is one systemd takes, the rules name metrics that are there."""

from __future__ import annotations

import re
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # ships no types
from prometheus_client.parser import text_string_to_metric_families

from collector.daemon.serve import Standing, metrics
from collector.store.watching import HubNumbers, LastPoll
from collector.upkeep import Figures

OPS = Path(__file__).parent.parent.parent / "ops"
needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool is not installed here (Debian: prometheus)"
)
needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed here")
STARTED = int(datetime(2026, 11, 22, 0, 5, tzinfo=UTC).timestamp())


def exposed() -> dict[str, set[str]]:
    """Every metric of a daemon at work, with its labels."""
    families = text_string_to_metric_families(text_of_metrics().decode())
    return {sample.name: set(sample.labels) for family in families for sample in family.samples}


def text_of_metrics() -> bytes:
    numbers = HubNumbers("huggingface", LastPoll(7, STARTED, 10, 1, 5, False), STARTED, 7, 70, 3, 2, 12.5, 0.25)
    figures = Figures([numbers], {"huggingface": {"dip": 3}}, (1000, 20), 2)
    standing = Standing(figures, "", "", {"huggingface": 5.0}, {"huggingface": 3600.0}, {"poll huggingface": 1})
    return metrics(standing)


def rules() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = yaml.safe_load((OPS / "prometheus-rules.yml").read_text("utf-8"))["groups"][0][
        "rules"
    ]
    return found


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_an_alert_rule_names_metrics_and_labels_that_are_exposed(rule: dict[str, Any]) -> None:
    named = set(re.findall(r"collector_\w+", rule["expr"]))
    assert named <= set(exposed())
    labels = set(re.findall(r"\$labels\.(\w+)", str(rule["annotations"])))
    own = set().union(*(exposed()[name] for name in named))
    assert labels - {"instance"} <= own
    assert named or "up{" in rule["expr"]


@needs_promtool
def test_every_rule_fires_on_what_it_is_for_and_none_on_a_good_day() -> None:
    command = ["promtool", "test", "rules", str(OPS / "prometheus-rules-test.yml")]
    tested = subprocess.run(command, capture_output=True, text=True, check=False)
    assert tested.returncode == 0, tested.stderr


def test_the_tests_of_the_rules_leave_none_out_and_feed_what_is_exposed() -> None:
    text = (OPS / "prometheus-rules-test.yml").read_text("utf-8")
    good, bad = yaml.safe_load(text)["tests"]
    names = [rule["alert"] for rule in rules()]
    assert [case["alertname"] for case in good["alert_rule_test"]] == names
    fired = [sample["labels"] for sample in bad["promql_expr_test"][0]["exp_samples"]]
    assert [re.findall(r'alertname="(\w+)"', labels)[0] for labels in fired] == sorted(names)
    for series in (*good["input_series"], *bad["input_series"]):
        name, labels = re.match(r"(\w+)(.*)", series["series"]).groups()  # type: ignore[union-attr]  # all have one
        assert name == "up" or set(re.findall(r"(\w+)=", labels)) == exposed()[name]


@needs_promtool
def test_prometheus_takes_what_is_exposed() -> None:
    numbers = subprocess.run(
        ["promtool", "check", "metrics"], input=text_of_metrics(), capture_output=True, check=False
    )
    assert numbers.returncode == 0, numbers.stderr


def test_every_number_asked_of_the_daemon_is_exposed() -> None:
    assert set(exposed()) == {
        *("collector_build_info", "collector_database_up", "collector_database_bytes", "collector_wal_bytes"),
        *("collector_models_listed", "collector_models_new", "collector_models_moved", "collector_pages_total"),
        *("collector_retries_total", "collector_rate_limit_wait_seconds_total", "collector_rows_skipped_total"),
        *("collector_complete_polls_total", "collector_seconds_since_complete_poll", "collector_poll_lag_seconds"),
        *("collector_last_complete_poll_timestamp_seconds", "collector_unattributed_share", "collector_flags"),
        *("collector_hub_stale", "collector_job_failures", "collector_alerts_waiting"),
    }


def test_a_name_from_outside_cannot_forge_a_metric() -> None:
    standing = Standing(None, "", "", {}, {}, {'poll "} 1\nforged 1': 1})
    assert "\nforged" not in metrics(standing).decode()


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit, with a program that is there."""
    text = (OPS / "collector.service").read_text("utf-8")
    copy = tmp_path / "collector.service"
    copy.write_text(text.replace("/opt/collector/.venv/bin/collector", "/bin/true"), "utf-8")
    return copy


@needs_systemd
def test_systemd_takes_the_unit(unit: Path) -> None:
    verified = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False)
    assert (verified.returncode, verified.stderr) == (0, "")


@needs_systemd
def test_the_unit_keeps_the_service_from_what_it_does_not_need(unit: Path) -> None:
    command = ["systemd-analyze", "security", "--offline=true", "--threshold=20", str(unit)]  # of 100; without: 92
    judged = subprocess.run(command, capture_output=True, text=True, check=False)
    assert judged.returncode == 0, judged.stdout.splitlines()[-1]


def test_the_unit_asks_for_what_the_daemon_gives() -> None:
    text = (OPS / "collector.service").read_text("utf-8")
    settings = dict(line.split("=", 1) for line in text.splitlines() if "=" in line and not line.startswith("#"))
    assert settings["Type"] == "notify"
    assert int(settings["WatchdogSec"]) > 10
    assert settings["ExecReload"].startswith("/bin/kill -HUP")
    assert int(settings["TimeoutStopSec"]) > 5
