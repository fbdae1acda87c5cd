"""A small world over many months: who is there, what they count, what befalls them. The same every time it is told."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta

from collector.demo.world import Clock, World
from collector.model import Base

NAMES = (
    *("Qwen/Qwen3-8B", "Qwen/Qwen2.5-7B-Instruct", "meta-llama/Llama-3.1-8B-Instruct", "google/gemma-2-9b-it"),
    *("mistralai/Mistral-7B-Instruct-v0.3", "deepseek-ai/DeepSeek-R1", "quiet-author/own-thing", "tiiuae/falcon-7b"),
    *("bartowski/Qwen2.5-7B-Instruct-GGUF", "TheBloke/Mistral-7B-Instruct-v0.3-GGUF", "openai-community/gpt2"),
)
ROLLING = "ai21labs/only-rolling"  # the hub never says how often in all, and hides it for weeks across a month's end
BASES = {
    "bartowski/Qwen2.5-7B-Instruct-GGUF": Base("Qwen/Qwen2.5-7B-Instruct", "quantized"),
    "TheBloke/Mistral-7B-Instruct-v0.3-GGUF": Base("mistralai/Mistral-7B-Instruct-v0.3", "quantized"),
}


class Story:
    """The world on each day, told forwards."""

    def __init__(self, first: date) -> None:
        self._first = first
        self._falcon = "tiiuae/falcon-7b"
        self.world = World(Clock(at_noon(first) - timedelta(days=2)))
        for number, name in enumerate(NAMES):
            born = datetime(2024, 1, 1 + number, tzinfo=UTC)
            self._create(name, born, BASES.get(name))
        self.world.create(ROLLING, created_at=datetime(2024, 3, 1, tzinfo=UTC), truth=rolling(first))

    def until(self, day: date) -> None:
        """Everything that happens on this day has happened; it is five past midnight."""
        number = (day - self._first).days
        self.world.clock.set(datetime.combine(day, time(0, 5), UTC))
        if number % 9 == 3:
            self._create(f"newcomer-{number}/model", self.world.clock.now() - timedelta(hours=7), None)
        if number % 40 == 11:
            self.world.rename(self._falcon, f"tiiuae/falcon-{number}")
            self._falcon = f"tiiuae/falcon-{number}"
        if number % 30 == 14:
            self.world.hide("quiet-author/own-thing")
        if number % 30 == 20:
            self.world.show("quiet-author/own-thing")
        if number % 50 == 13:
            self.world.hide(ROLLING)
        if number % 50 == 38:
            self.world.show(ROLLING)

    def _create(self, name: str, born: datetime, base: Base | None) -> None:
        bases = () if base is None else (base,)
        truth = counters(name, born, self._first)
        self.world.create(name, created_at=born, truth=truth, pipeline_tag="text-generation", bases=bases)


def counters(name: str, born: datetime, first: date) -> Callable[[datetime], tuple[int, int]]:
    """Both counters of a model by time: they grow by day, and now and then fall and come back, or fall for good."""
    per_day = 50 + hashlib.sha256(name.encode()).digest()[0] * 20

    def truth(now: datetime) -> tuple[int, int]:
        days = max((now - max(born, datetime(2026, 1, 1, tzinfo=UTC))).days, 0)
        number = (now.date() - first).days + hashlib.sha256(name.encode()).digest()[1]
        dip = per_day * 3 if number % 37 in (5, 6) else 0
        lost = per_day * (number // 61)
        return max(days * per_day - dip - lost, 0), min(days, 30) * per_day

    return truth


def rolling(first: date) -> Callable[[datetime], tuple[None, int]]:
    """A 30-day count that rises and falls, and nothing else."""
    return lambda now: (None, 900 + 40 * abs((now.date() - first).days % 29 - 14))


def at_noon(day: date) -> datetime:
    return datetime.combine(day, time(12), UTC)
