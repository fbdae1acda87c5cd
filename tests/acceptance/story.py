"""Six weeks of a small world, late August to mid October 2026, with every trap of the rules in it.

What is true stands in the `Life` of each model; what the hub shows and hides besides, in `_happenings`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from collector.demo.world import Clock, HubModel, World
from collector.model import CREATED_AT_FLOOR, Base, from_seconds
from tests.acceptance.ledger import COUNTED_FROM, DAY, Life, at

BEGIN, END = at("09-01"), at("10-01")  # the month asked for
FIRST_POLL, LAST_POLL = at("08-25"), at("10-09")
REPORTED_AT = at("10-10T06:00")
OLD = COUNTED_FROM - 300 * DAY
FLOOR = from_seconds(CREATED_AT_FLOOR)
TOKEN = "hf_acceptance_0123456789"  # what it alone sees must count for nothing

CN, US, FR, GB, AE, KR, CA, IN, XX, ZZ = (
    {code: 1.0} for code in ("CN", "US", "FR", "GB", "AE", "KR", "CA", "IN", "XX", "ZZ")
)


def _life(name: str, publisher: str, roots: Mapping[str, float], family: str, per_day: int, **more: Any) -> Life:
    born = more.pop("born", OLD)
    starts = more.pop("starts", max(born, COUNTED_FROM))
    families = more.pop("families", {family: 1.0})
    return Life(name, publisher, roots, families, per_day, born, starts, **more)


_LIVES = (
    # Nothing happens to these.
    _life("Qwen/Qwen3-8B", "CN", CN, "Qwen", 40_000, before=9_000_000),
    _life("Qwen/Qwen2.5-7B-Instruct", "CN", CN, "Qwen", 30_000, before=8_000_000),
    _life("meta-llama/Llama-3.1-8B-Instruct", "US", US, "Llama", 35_000, before=12_000_000),
    _life("mistralai/Mistral-7B-Instruct-v0.3", "FR", FR, "Mistral", 16_000, before=3_000_000),
    _life("openai-community/gpt2", "US", US, "GPT-2", 22_000, born=FLOOR, before=90_000_000),
    _life("bigscience/bloom", "XX", XX, "BLOOM", 2_500, born=FLOOR, before=4_000_000),
    _life("quiet-author/own-thing", "ZZ", ZZ, "other", 4_000, before=10_000),
    _life("quiet-author/never-downloaded", "ZZ", ZZ, "other", 0),
    _life("google/gated-one", "US", US, "other", 2_100, before=5_000),
    _life("google/taken-down", "US", US, "other", 2_100, before=5_000),
    _life("=HYPERLINK(1)/<img src=x onerror=alert(1)>", "ZZ", ZZ, "other", 900, before=100),
    _life('@import/it\'s "quoted", or not', "ZZ", ZZ, "other", 800, before=100),
    # Whose they are must be found out.
    _life("bartowski/Qwen2.5-7B-Instruct-GGUF", "ZZ", CN, "Qwen", 9_000, before=100_000),
    _life("bartowski/Llama-3.1-8B-Instruct-GGUF", "ZZ", US, "Llama", 7_000, before=100_000),
    _life("TheBloke/Mistral-7B-Instruct-v0.3-GGUF", "GB", FR, "Mistral", 5_000, before=100_000),
    _life("garden-tools/first-hop", "ZZ", FR, "Mistral", 3_000, before=9_000),
    _life("garden-tools/second-hop", "ZZ", FR, "Mistral", 2_800, before=9_000),
    _life(
        "garden-tools/two-worlds-merge",
        "ZZ",
        {"CN": 0.5, "US": 0.5},
        "",
        6_000,
        before=9_000,
        families={"Qwen": 0.5, "Llama": 0.5},
    ),
    _life("garden-tools/My-Llama-3.1-Tune", "ZZ", CN, "Qwen", 1_800, before=9_000),
    _life("unsloth/own-thing-GGUF", "US", ZZ, "other", 3_000, before=9_000),
    _life("mistralai/ring-a", "FR", US, "other", 2_000, before=9_000),
    _life("google/ring-b", "US", FR, "other", 2_200, before=9_000),
    _life("tiiuae/alone", "AE", AE, "other", 3_000, before=9_000),
    _life("nvidia/of-a-base-never-polled", "US", CA, "Command", 3_500, before=9_000),
    # What the counters do.
    _life(
        "deepseek-ai/DeepSeek-R1",
        "CN",
        CN,
        "DeepSeek",
        20_000,
        before=7_000_000,
        steps=((at("09-06T12:00"), -3_000_000), (at("09-09T12:00"), 3_000_000)),
    ),
    _life(
        "BAAI/bge-m3",
        "CN",
        CN,
        "BGE",
        15_000,
        before=7_000_000,
        steps=((at("08-30T12:00"), -2_000_000), (at("09-02T12:00"), 2_000_000)),
    ),
    _life(
        "meta-llama/Llama-3.2-1B-Instruct",
        "US",
        US,
        "Llama",
        5_000,
        before=6_000_000,
        steps=((at("09-17T12:00"), -1_200_000),),
    ),
    _life(
        "google/gemma-2-2b-it",
        "US",
        US,
        "Gemma",
        3_000,
        before=600_000,
        steps=((at("09-10T12:00"), -60_000), (at("09-12T12:00"), -40_000)),
    ),
    _life(
        "google/gemma-2-9b-it",
        "US",
        US,
        "Gemma",
        18_000,
        before=2_000_000,
        steps=((at("09-22T12:00"), 1_200_000),),
    ),
    _life("stabilityai/rolling-only", "GB", GB, "other", 5_000),
    _life("LGAI-EXAONE/EXAONE-3.5-7.8B-Instruct", "KR", KR, "EXAONE", 3_000, before=70_000),
    _life("Qwen/Qwen3-0.6B", "CN", CN, "Qwen", 2_000, before=70_000, bursts={"09-24": 400_000}),
    # What comes, goes, and is called otherwise.
    _life(
        "Qwen/Qwen3-Next-80B-A3B-Instruct", "CN", CN, "Qwen", 30_000, born=at("08-06T08:00"), starts=at("09-14T10:00")
    ),
    _life("deepseek-ai/DeepSeek-V4", "CN", CN, "DeepSeek", 12_000, born=at("09-05T12:00")),
    _life("allenai/Olmo-4-7B", "US", US, "OLMo", 8_000, born=at("09-03T09:00")),
    _life("microsoft/born-on-a-thin-day", "US", US, "other", 6_000, born=at("09-19T14:00")),
    _life("mistralai/born-on-a-stale-day", "FR", FR, "other", 4_000, born=at("09-26T14:00")),
    _life("microsoft/born-without-a-counter", "US", US, "other", 5_000, born=at("09-15T14:00")),
    _life("microsoft/short-lived", "US", US, "other", 1_500, before=5_000, ends=at("09-18T03:00")),
    _life("zai-org/glm-4-9b", "CN", CN, "GLM", 8_000, before=1_000_000),
    _life("mistralai/Mini-Old", "FR", FR, "other", 2_000, before=50_000),
    _life("mistralai/Mini", "FR", FR, "other", 2_600, born=at("09-13T08:00")),
    _life("stabilityai/rising-star", "GB", GB, "other", 3_300, before=5_000),
    _life("LGAI-EXAONE/late-mover", "AE", AE, "other", 2_700, before=5_000),
    _life("sarvamai/coy-model", "IN", IN, "other", 2_500, before=5_000),
    _life("ibm-granite/shown-late", "US", US, "other", 2_400, before=80_000),
)
LIVES: Mapping[str, Life] = MappingProxyType({life.name: life for life in _LIVES})

# The name at the beginning, where it is another.
_CALLED = {
    "zai-org/glm-4-9b": "THUDM/glm-4-9b",
    "mistralai/Mini-Old": "mistralai/Mini",
    "stabilityai/rising-star": "quiet-author/rising-star",
    "LGAI-EXAONE/late-mover": "tiiuae/late-mover",
}
_BASES = {
    "bartowski/Qwen2.5-7B-Instruct-GGUF": ("quantized", "Qwen/Qwen2.5-7B-Instruct"),
    "TheBloke/Mistral-7B-Instruct-v0.3-GGUF": ("quantized", "mistralai/Mistral-7B-Instruct-v0.3"),
    "garden-tools/first-hop": ("finetune", "mistralai/Mistral-7B-Instruct-v0.3"),
    "garden-tools/second-hop": ("adapter", "garden-tools/first-hop"),
    "garden-tools/two-worlds-merge": ("merge", "Qwen/Qwen2.5-7B-Instruct", "meta-llama/Llama-3.1-8B-Instruct"),
    "garden-tools/My-Llama-3.1-Tune": ("finetune", "Qwen/Qwen3-8B"),
    "unsloth/own-thing-GGUF": ("quantized", "quiet-author/own-thing"),
    "mistralai/ring-a": ("finetune", "google/ring-b"),
    "google/ring-b": ("finetune", "mistralai/ring-a"),
    "tiiuae/alone": ("finetune", "tiiuae/alone"),
    "nvidia/of-a-base-never-polled": ("finetune", "CohereLabs/c4ai-command-r-v01"),
}

_Happening = tuple[datetime, Callable[[], Any]]


class Story:
    """The world, moved along by `until`."""

    def __init__(self, lives: Mapping[str, Life] = LIVES) -> None:
        self.world = World(Clock(FIRST_POLL - timedelta(days=1)))
        births: list[_Happening] = [(life.born, _Birth(self.world, life)) for life in lives.values()]
        self._left = sorted([*births, *_happenings(self.world)], key=lambda each: each[0])
        self.until(self.world.clock.now())

    def until(self, instant: datetime) -> None:
        """Let everything happen that happens up to an instant."""
        while self._left and self._left[0][0] <= instant:
            when, happens = self._left.pop(0)
            self.world.clock.set(max(when, self.world.clock.now()))
            happens()
        self.world.clock.set(instant)


class _Birth:
    """A model appears."""

    def __init__(self, world: World, life: Life) -> None:
        self._world = world
        self._life = life

    def __call__(self) -> None:
        life = self._life
        relation, *names = _BASES.get(life.name, ("",))
        self._world.create(
            _CALLED.get(life.name, life.name),
            created_at=life.born,
            truth=self._counters,
            pipeline_tag="sentence-similarity" if "BGE" in life.families else "text-generation",
            bases=tuple(Base(name, relation) for name in names),
        )

    def _counters(self, now: datetime) -> tuple[int | None, int | None]:
        life = self._life
        return None if life.name == "stabilityai/rolling-only" else life.shown_all_time(now), life.shown_30d(now)


def _happenings(world: World) -> list[_Happening]:
    """What befalls the models beside their counters, and the hub as a whole."""
    begin = FIRST_POLL - timedelta(days=1)
    patchy, bare = "LGAI-EXAONE/EXAONE-3.5-7.8B-Instruct", "microsoft/born-without-a-counter"
    return [
        (begin, lambda: world.hide("Qwen/Qwen3-Next-80B-A3B-Instruct", shown_to=(TOKEN,))),
        (at("09-14T10:00"), lambda: world.show("Qwen/Qwen3-Next-80B-A3B-Instruct")),
        (begin, lambda: world.hide("ibm-granite/shown-late")),
        (at("09-11T10:00"), lambda: world.show("ibm-granite/shown-late")),
        (begin, lambda: world.gate("google/gated-one")),
        (at("09-09T10:00"), lambda: world.disable("google/taken-down")),
        (at("09-11T15:00"), lambda: world.rename("THUDM/glm-4-9b", "zai-org/glm-4-9b")),
        (at("09-12T15:00"), lambda: world.rename("mistralai/Mini", "mistralai/Mini-Old")),
        (at("09-22T15:00"), lambda: world.rename("quiet-author/rising-star", "stabilityai/rising-star")),
        (at("10-03T15:00"), lambda: world.rename("tiiuae/late-mover", "LGAI-EXAONE/late-mover")),
        (at("09-18T03:00"), lambda: world.delete("microsoft/short-lived")),
        (at("09-08T12:00"), lambda: world.hide("sarvamai/coy-model")),
        (at("09-12T18:00"), lambda: world.show("sarvamai/coy-model")),
        (at("09-10T12:00"), lambda: world.edit(patchy, _says(downloadsAllTime=None))),
        (at("09-12T12:00"), lambda: world.edit(patchy, _says(downloadsAllTime=None, downloads=None))),
        (at("09-13T12:00"), lambda: world.edit(patchy, _says(downloadsAllTime=-5))),
        (at("09-14T12:00"), lambda: world.edit(patchy, _says(downloadsAllTime="many"))),
        (at("09-15T12:00"), lambda: world.edit(patchy, _says(id="a\nname\x1b[31m of two lines"))),
        (at("09-16T12:00"), lambda: world.edit(patchy, _says())),
        (at("09-15T14:01"), lambda: world.edit(bare, _says(downloadsAllTime=None))),
        (at("09-16T12:00"), lambda: world.edit(bare, _says())),
        # All counters there are stand still for two polls; what is born meanwhile counts.
        (at("09-25T12:00"), lambda: world.freeze()),
        (at("09-28T12:00"), lambda: world.thaw()),
    ]


def _says(**wire: object) -> Callable[[HubModel], HubModel]:
    return lambda model: replace(model, wire=wire)


def polls() -> list[datetime]:
    """When the hub is polled: once a day at an odd minute, not at all on two days, twice on one."""
    days = [FIRST_POLL + timedelta(days=n) for n in range((LAST_POLL - FIRST_POLL).days + 1)]
    kept = [day for day in days if day not in (at("09-03"), at("09-04"))]
    daily = [day + timedelta(minutes=5 + (day.toordinal() * 37) % 170, seconds=day.day) for day in kept]
    return sorted([*daily, at("09-21T15:00")])


THIN = at("09-19")  # on this day the listing ends after its second page
BROKEN = at("09-08")  # on this day the hub refuses the third page, and nobody polls again
