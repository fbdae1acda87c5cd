"""How long the lineage of a whole hub takes, and how much memory: 2.5 million invented models.

    python -m benchmarks.bench_lineage FOLDER [MODELS]

Three steps, each in a process of its own: all roots in memory from nothing, all roots in a database, and a day's
change of that database (5,000 new models, 1,000 that were renamed or declare something else). FOLDER gets the database.

The shape follows the hub's: three of five models declare a base, one in twenty-five of these bases was never polled,
chains reach twenty links, there are ten thousand merges, some cycles, and some thousand models of the families' own
developers. The bars: 60 seconds and 2 GB on two cores for all of it, a few seconds for a day.
"""

from __future__ import annotations

import random
import resource
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from collector.model import Base, Observation, Page, PollPlan, publisher_of
from collector.origins.families import Families
from collector.origins.knowledge import load_knowledge
from collector.origins.lineage import Declared, ModelName, whole_lineage
from collector.rooting import refresh_origins
from collector.store import lineages
from collector.store.database import Database, upgrade
from collector.store.histories import gather_statistics, insert_rows
from collector.store.polls import PollStore
from collector.store.queries import Hub, hubs
from collector.store.schema import model, model_base, model_state, origin_number, publisher
from collector.store.wording import base_ids

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


SIZES = ("1B", "7B", "7B-Instruct", "32B", "32B-Instruct", "base", "large")
NEW, CHANGED = 5_000, 1_000  # models of a day
PAGE = 1_000
AT = datetime(2026, 9, 1, tzinfo=UTC)


def make_models(count: int, families: Families, draw: random.Random) -> list[ModelName]:
    """Names as they are found: the developers' own, then those of others, half of which hold a family's name."""
    names = [f"{family.publisher}/{line}-{size}" for family in families.all for line in family.lines for size in SIZES]
    names = [name.replace(" ", "-") for name in names[:count]]
    for number in range(len(names), count):
        names.append(_someones(number, count, draw))
    return [ModelName(number, name, f"{number:024x}") for number, name in enumerate(names, 1)]


def _someones(number: int, count: int, draw: random.Random) -> str:
    stem = draw.choice(STEMS if draw.random() < 0.5 else PLAIN)
    return f"user{draw.randrange(count // 8)}/{stem}{draw.choice(ENDS)}-{number:x}"


def make_bases(models: list[ModelName], draw: random.Random) -> list[Declared]:
    """Bases of three fifths of the models: the model before (chains), one of the first ones, or one never polled."""
    declared = []
    for number, made in enumerate(models[100:], 100):
        if draw.random() < 0.6:
            base = models[number - 1 if number % DEPTH else draw.randrange(min(number, 20_000))]
            key = base.hub_key if draw.random() < 0.9 else None
            name = base.name if draw.random() < 0.96 else f"gone/Qwen3-{number}-GGUF"
            declared.append(Declared(made.id, name, key if name == base.name else None, "finetune"))
    for _ in range(MERGES):
        declared += [
            Declared(draw.choice(models).id, base.name, base.hub_key, "merge") for base in draw.sample(models, 3)
        ]
    return declared


def make_hub(count: int, families: Families) -> tuple[list[ModelName], list[Declared]]:
    """The same hub every time."""
    draw = random.Random(1)
    models = make_models(count, families, draw)
    return models, make_bases(models, draw)


# --- the steps --------------------------------------------------------------------------------------------------------


def in_memory(_url: str, count: int) -> None:
    """All roots from nothing, without a database."""
    known = load_knowledge(None)
    models, bases = make_hub(count, known.families)
    print(f"{len(models)} models, {len(bases)} declared bases; input {_peak_gigabytes():.2f} GB")
    begun = time.perf_counter(), time.process_time()
    lineage = whole_lineage(models, bases, {}, known.families, known.corrections)
    lineage.keep_numbers()
    print(f"indexes after {_since(*begun)}")
    found = Counter(root.basis for root in lineage.roots())
    print(f"roots after {_since(*begun)}: {dict(found)}")


def fill(url: str, count: int) -> None:
    """The hub in a database, as polls would have left it."""
    upgrade(url)
    models, bases = make_hub(count, load_knowledge(None).families)
    accounts = {name: number for number, name in enumerate(dict.fromkeys(publisher_of(m.name) for m in models), 1)}
    with Database.open(url, write=True) as db:
        store = PollStore(db)
        hub = store.hub_id("huggingface", "")
        poll = store.start_poll(hub, PollPlan("all"), AT)
        with db.begin() as conn:
            for part in _parts((number, hub, name) for name, number in accounts.items()):
                insert_rows(conn, publisher, ("id", "hub_id", "name"), part)
            names = ("id", "hub_id", "hub_key", "name", "publisher_id", "first_poll_id")
            for part in _parts((m.id, hub, m.hub_key, m.name, accounts[publisher_of(m.name)], poll.id) for m in models):
                insert_rows(conn, model, names, part)
            for part in _parts((m.id, 0) for m in models):
                insert_rows(conn, model_state, ("model_id", "metadata_crc"), part)
            numbers = base_ids(conn, map(_base, bases))
            for part in _parts(_placed(bases, numbers, poll.id)):
                insert_rows(conn, model_base, ("model_id", "position", "base_id", "poll_id"), part)
            gather_statistics(conn)


def _base(declared: Declared) -> Base:
    return Base(declared.base_name, declared.relation, declared.base_key)


def _placed(bases: Iterable[Declared], numbers: Mapping[Base, int], poll_id: int) -> Iterator[tuple[object, ...]]:
    next_place: Counter[int] = Counter()
    for base in bases:
        yield base.model_id, next_place[base.model_id], numbers[_base(base)], poll_id
        next_place[base.model_id] += 1


def _parts(rows: Iterable[tuple[object, ...]]) -> Iterator[list[tuple[object, ...]]]:
    rest = iter(rows)
    while part := list(islice(rest, 50_000)):
        yield part


def in_database(url: str, count: int) -> None:
    """All roots from nothing, read from the database and written to it."""
    with Database.open(url, write=True) as db:
        _refresh(db, f"all roots of {count} models in the database")
        if url.startswith("sqlite"):
            print(f"origin_number: {_bytes_of(db, origin_number.name) / 1e6:.0f} MB of {_bytes_of(db) / 1e6:.0f} MB")


def a_day(url: str, count: int) -> None:
    """What a poll changes in a day: kept by the poll's own code, then worked out."""
    draw = random.Random(2)
    families = load_knowledge(None).families
    with Database.open(url, write=True) as db:
        (hub,) = hubs(db)
        store = PollStore(db)
        poll = store.start_poll(hub.id, PollPlan("all"), AT)
        changed = lineages.models_of(db, hub.id, draw.sample(range(1, count + 1), CHANGED))
        rows = [*_new(families, changed, count, draw), *_renamed(changed[:300]), *_redeclared(changed[300:], draw)]
        for at in range(0, len(rows), PAGE):
            poll = store.write_page(poll, Page(AT, tuple(rows[at : at + PAGE]), "more"))
        _refresh(db, f"a day: {NEW} new, {CHANGED} changed")


def _new(families: Families, known: list[lineages.ModelRow], count: int, draw: random.Random) -> Iterator[Observation]:
    for number in range(NEW):
        family = draw.choice(families.all)
        name = f"{family.publisher}/{family.name}-{number}B".replace(" ", "-")
        _, base, key = draw.choice(known)
        bases = (Base(base, "finetune", key),) if draw.random() < 0.6 else ()
        if number % 100:
            name = _someones(count + number, count, draw)
        yield _observation(f"{count + number + 1:024x}", name, () if number % 100 == 0 else bases)


def _renamed(models: list[lineages.ModelRow]) -> Iterator[Observation]:
    return (_observation(str(key), f"{name}-renamed") for _, name, key in models)


def _redeclared(models: list[lineages.ModelRow], draw: random.Random) -> Iterator[Observation]:
    return (_observation(str(key), name, (Base(draw.choice(models)[1], "merge"),)) for _, name, key in models)


def _observation(key: str, name: str, bases: tuple[Base, ...] = ()) -> Observation:
    return Observation(key, name, 1, 1, 0, None, None, None, bases)


def _refresh(db: Database, what: str) -> None:
    (hub,) = hubs(db)
    knowledge = load_knowledge(None)
    todo = len(lineages.todo(db, hub.id).model_ids)
    begun = time.perf_counter(), time.process_time()
    refresh_origins(db, Hub(*hub), knowledge, lineages.todo(db, Hub(*hub).id))
    print(f"{what}: {_since(*begun)}; to do before: {todo}")


def _bytes_of(db: Database, table: str | None = None) -> int:
    query = "SELECT sum(pgsize) FROM dbstat" + ("" if table is None else f" WHERE name = '{table}'")
    with db.connect() as conn:
        return int(conn.exec_driver_sql(query).scalar_one())


STEPS = {"in_memory": in_memory, "fill": fill, "in_database": in_database, "a_day": a_day}


def main() -> None:
    """Each step in a process of its own: the peak of memory is a process's."""
    if sys.argv[1] == "--step":
        STEPS[sys.argv[2]](sys.argv[3], int(sys.argv[4]))
        return
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    count = sys.argv[2] if len(sys.argv) > 2 else "2500000"
    for step in STEPS:
        url = f"sqlite:///{folder / 'lineage.db'}"
        subprocess.run([sys.executable, "-m", "benchmarks.bench_lineage", "--step", step, url, count], check=True)


def _since(wall: float, processor: float) -> str:
    """Seconds by the clock and of the processor: they differ on a machine that others use too."""
    seconds = time.perf_counter() - wall, time.process_time() - processor
    return f"{seconds[0]:.1f} s (processor {seconds[1]:.1f} s), {_peak_gigabytes():.2f} GB"


def _peak_gigabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2


if __name__ == "__main__":
    main()
