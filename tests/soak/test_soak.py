"""The daemon unattended: many days, many kills, every fault of a hub; nothing lost and nothing counted twice."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from tests.soak.soak import FAULTS, Plan, months, prove


def test_a_month_of_kills_and_faults_leaves_the_same_database_as_a_month_without(tmp_path: Path) -> None:
    plan = Plan(date(2026, 11, 14), days=33, kills=20, off=(8, 9), seed=5)
    assert months(plan) == ["2026-11"]
    survived = prove(tmp_path, plan)
    assert survived.kills >= 20
    assert set(survived.faults) == set(FAULTS)
