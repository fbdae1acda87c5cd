"""What others use for the same work, one step each: the official client, the usual script, DuckDB and Polars.

All of them are development packages; `missing` says which are not there, and the table says so too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from importlib.util import find_spec

from benchmarks.asked import Asked, Said

EXPAND = ["downloads", "downloadsAllTime", "likes", "createdAt", "private", "pipeline_tag", "library_name"]
EXPAND += ["baseModels", "tags"]


def official(of: Asked) -> Said:
    """The official client's iteration over the same pages, with the same fields; nothing is kept."""
    from huggingface_hub import HfApi

    # Its type lists the names one by one; EXPAND is the client's own list, as plain text.
    listed = HfApi(endpoint=f"http://{of.host}", token=False).list_models(sort="created_at", expand=EXPAND)  # type: ignore[arg-type]
    return {"models": sum(1 for _ in listed)}


def script(of: Asked) -> Said:
    """What people write today: everything listed into a frame, the frame appended to a table."""
    import pandas as pd
    from huggingface_hub import HfApi
    from sqlalchemy import create_engine

    # Its type lists the names one by one; EXPAND is the client's own list, as plain text.
    listed = HfApi(endpoint=f"http://{of.host}", token=False).list_models(sort="created_at", expand=EXPAND)  # type: ignore[arg-type]
    rows = pd.DataFrame([(m.id, m.downloads_all_time, m.downloads, m.likes) for m in listed])
    rows.assign(day=of.day).to_sql("snapshot", create_engine(f"sqlite:///{of.database}.script"), if_exists="append")
    return {"models": len(rows)}


def duckdb(of: Asked) -> Said:
    """Downloads by uploaders' country of a month, from the export."""
    import duckdb as peer

    files = of.folder / "model_downloads_month" / "*" / "*.parquet"
    query = f"""
        SELECT country_publisher, sum(downloads)::BIGINT FROM read_parquet('{files}', hive_partitioning = true)
        WHERE month = '{of.words[0]}' AND downloads > 0 GROUP BY country_publisher
    """
    return _countries(peer.execute(query).fetchall())


def polars(of: Asked) -> Said:
    """The same with Polars."""
    import polars as peer

    files = of.folder / "model_downloads_month" / "**" / "*.parquet"
    models = peer.scan_parquet(files, hive_partitioning=True)
    month = models.filter((peer.col("month") == of.words[0]) & (peer.col("downloads") > 0))
    return _countries(month.group_by("country_publisher").agg(peer.col("downloads").sum()).collect().rows())


def _countries(rows: Iterable[tuple[str, int]]) -> Said:
    return {"countries": dict(rows)}


STEPS: Mapping[str, Callable[[Asked], Said]] = {
    "official": official,
    "script": script,
    "duckdb": duckdb,
    "polars": polars,
}

#: Loaded before the clock runs.
NEEDS: Mapping[str, tuple[str, ...]] = {
    "official": ("huggingface_hub.hf_api",),
    "script": ("huggingface_hub.hf_api", "pandas", "sqlalchemy"),
    "duckdb": ("duckdb",),
    "polars": ("polars",),
}


def missing(name: str) -> list[str]:
    """The packages that a peer's step needs and that are not installed."""
    return [module for module in NEEDS[name] if find_spec(module.split(".")[0]) is None]
