"""The database in a browser: Datasette with the meaning of every table and column, and the recipes as canned queries.

Knows how Datasette is started and what it is told; writes nothing to the database, which it opens read-only.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from collector.config import Config
from collector.errors import CollectorError, ReportError
from collector.store.database import Database, database_path
from collector.store.schema import metadata
from collector.store.views import VIEWS

_TITLE = "Open-model adoption telemetry collector"
_LIMITS = ("--setting", "sql_time_limit_ms", "20000", "--setting", "max_returned_rows", "10000")


def explore(config: Config, port: int, say: Callable[[str], None], recipes: Mapping[str, Any]) -> None:
    """Serves the database on 127.0.0.1 until interrupted; CollectorError when that cannot be done."""
    path = database_path(config.database.url)
    if path is None:
        raise ReportError("explore opens SQLite files only; this database is on a server")
    if importlib.util.find_spec("datasette") is None:
        raise ReportError("explore needs Datasette: pip install 'open-model-collector[explore]'")
    Database.open(config.database.url, write=False).close()  # a missing, foreign or older file is told here
    with tempfile.TemporaryDirectory() as folder:
        words = Path(folder) / "metadata.json"
        words.write_text(json.dumps(described(path.stem, recipes)), encoding="utf-8")
        say(f"http://127.0.0.1:{port}/{path.stem} (read-only; Ctrl-C ends it)")
        _serve(command(path, words, port))


def command(path: Path, words: Path, port: int) -> tuple[str, ...]:
    """The command that serves a database with its metadata."""
    # Not --immutable: a poll may write meanwhile. Datasette opens files with mode=ro all the same.
    served = (sys.executable, "-m", "datasette", "serve", str(path), "--metadata", str(words))
    return (*served, "--host", "127.0.0.1", "--port", str(port), *_LIMITS)


def _serve(words: tuple[str, ...]) -> None:
    try:
        status = subprocess.run(words, check=False).returncode
    except KeyboardInterrupt:
        return
    if status not in (0, -2):
        raise CollectorError("Datasette ended with an error; is the port taken? Choose another with --port")


def described(database: str, recipes: Mapping[str, Any]) -> dict[str, Any]:
    """Datasette's metadata: what every table, view and column means, and the recipes as canned queries."""
    tables = {
        table.name: {"description": table.comment, "columns": {c.name: c.comment for c in table.columns}}
        for table in metadata.sorted_tables
    }
    views = {name: {"description": view.meaning, "columns": view.columns} for name, view in VIEWS.items()}
    queries = {
        name: {"title": recipe.title, "sql": recipe.sql, "params": list(recipe.parameters)}
        for name, recipe in recipes.items()
    }
    about = "Start with the views and the queries; DATA.md explains every column."
    databases = {database: {"tables": tables | views, "queries": queries}}
    return {"title": _TITLE, "description": about, "databases": databases}
