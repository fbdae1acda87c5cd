"""Which accounts of a hub the registry names: looked for once, in any spelling, and again in another registry."""

from __future__ import annotations

import pytest

from collector.store import marks, reviewed
from collector.store.database import Database
from collector.store.reviewed import Reviewed
from tests.store.facts import World


@pytest.fixture
def number(db: Database, world: World) -> dict[str, int]:
    """Accounts of two hubs, by name."""
    world.hub(2, "modelscope")
    return {name: world.account(name) for name in ("Qwen", "anon")} | {"elsewhere": world.account("elsewhere", 2)}


def test_what_was_found_is_kept_for_its_hub_and_its_registry(db: Database, number: dict[str, int]) -> None:
    assert reviewed.kept(db, 1, "one") == Reviewed({}, 0)
    found = Reviewed({number["Qwen"]: "Qwen"}, number["anon"])
    reviewed.keep(db, 1, "one", found)
    assert reviewed.kept(db, 1, "one") == found
    assert reviewed.kept(db, 2, "one") == reviewed.kept(db, 1, "two") == Reviewed({}, 0)
    reviewed.keep(db, 1, "two", Reviewed({}, number["anon"]))
    assert reviewed.kept(db, 1, "two") == Reviewed({}, number["anon"])
    assert reviewed.kept(db, 1, "one") == Reviewed({}, 0)


def test_only_accounts_that_came_since_are_looked_at(db: Database, world: World, number: dict[str, int]) -> None:
    assert reviewed.accounts_after(db, 1, 0) == {number["Qwen"]: "Qwen", number["anon"]: "anon"}
    late = world.account("late")
    assert reviewed.accounts_after(db, 1, number["anon"]) == {late: "late"}
    assert reviewed.accounts_after(db, 1, late) == {}


def test_whoever_is_killed_before_the_mark_leaves_none_beside_another_registry_s_accounts(
    db: Database, number: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    reviewed.keep(db, 1, "one", Reviewed({number["Qwen"]: "Qwen"}, number["anon"]))

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(marks, "set_mark", killed)
    with pytest.raises(KeyboardInterrupt):
        reviewed.keep(db, 1, "two", Reviewed({number["anon"]: "anon"}, number["anon"]))
    assert reviewed.kept(db, 1, "one") == reviewed.kept(db, 1, "two") == Reviewed({}, 0)
