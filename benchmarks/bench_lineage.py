"""How long the lineage of a whole hub takes, and how much memory: 2.5 million invented models.

    python benchmarks/bench_lineage.py [MODELS]

The shape follows the hub's: three of five models declare a base, one in twenty-five of these bases was never polled,
chains reach twenty links, there are ten thousand merges, and some cycles. The bar: 60 seconds and 2 GB on two cores.
"""

from __future__ import annotations

import random
import resource
import sys
import time
from collections import Counter
from pathlib import Path

from collector.origins.families import load_families
from collector.origins.lineage import Declared, ModelName, load_corrections, whole_lineage

DATA = Path(__file__).parent.parent / "collector" / "data"
STEMS = (
    "Qwen2.5-7B-Instruct",
    "Llama-3.1-8B",
    "gemma-3-27b-it",
    "Mistral-7B-v0.3",
    "bert-base-uncased",
    "whisper-small",
)
ENDS = ("-GGUF", "-AWQ-4bit", "-finetuned", "-lora", "-sft-v2", "", "-i1-GGUF", "-MLX-8bit", "-merge", "-dpo")
PLAIN = ("my-model", "test", "sentiment-classifier", "ppo-LunarLander-v2", "speech-recogniser", "checkpoint")
DEPTH = 20
MERGES = 10_000


def make_models(count: int, draw: random.Random) -> list[ModelName]:
    """Names as they are found: half of them hold a family's name."""
    models = []
    for number in range(count):
        publisher = f"user{draw.randrange(count // 8)}"
        stem = draw.choice(STEMS if draw.random() < 0.5 else PLAIN)
        models.append(ModelName(number + 1, f"{publisher}/{stem}{draw.choice(ENDS)}-{number:x}", f"{number:024x}"))
    return models


def make_bases(models: list[ModelName], draw: random.Random) -> list[Declared]:
    """Bases of three fifths of the models: the model before (chains), one of the first ones, or one never polled."""
    declared = []
    for number, model in enumerate(models[100:], 100):
        if draw.random() < 0.6:
            base = models[number - 1 if number % DEPTH else draw.randrange(min(number, 20_000))]
            key = base.hub_key if draw.random() < 0.9 else None
            name = base.name if draw.random() < 0.96 else f"gone/Qwen3-{number}-GGUF"
            declared.append(Declared(model.id, name, key if name == base.name else None, "finetune"))
    for _ in range(MERGES):
        declared += [
            Declared(draw.choice(models).id, base.name, base.hub_key, "merge") for base in draw.sample(models, 3)
        ]
    return declared


def main() -> None:
    """Make the hub, resolve it, print seconds and the peak of memory."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 2_500_000
    draw = random.Random(1)
    families = load_families(DATA / "families.toml")
    corrections = load_corrections(DATA / "lineage_corrections.csv")
    models = make_models(count, draw)
    bases = make_bases(models, draw)
    print(f"{len(models)} models, {len(bases)} declared bases, input {_peak_gigabytes():.2f} GB")
    begun = time.perf_counter(), time.process_time()
    lineage = whole_lineage(models, bases, {}, families, corrections)
    print(f"indexes after {_since(*begun)}")
    found = Counter(root.basis for root in lineage.roots())
    print(f"roots after {_since(*begun)}: {dict(found)}")


def _since(wall: float, processor: float) -> str:
    """Seconds by the clock and of the processor: they differ on a machine that others use too."""
    seconds = time.perf_counter() - wall, time.process_time() - processor
    return f"{seconds[0]:.1f} s (processor {seconds[1]:.1f} s), {_peak_gigabytes():.2f} GB"


def _peak_gigabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2


if __name__ == "__main__":
    main()
