"""The database in a browser: Datasette with the meaning of every table and column, and the recipes as canned queries.

Knows how Datasette is started and what it is told; writes nothing to the database, which it opens read-only.
"""

from __future__ import annotations

import importlib.util
import json
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from collector.config import Config
from collector.errors import CollectorError, ReportError
from collector.stopping import StopOnSignal
from collector.store.database import Database, database_path
from collector.store.schema import metadata
from collector.store.views import VIEWS

_HOST = "127.0.0.1"
_LOOK_SECONDS, _LEAVE_SECONDS = 0.5, 5.0
_OTHERS_TABLES = {"alembic_version": {"hidden": True}}
_TITLE = "Open-model adoption telemetry collector"
_LIMITS = ("--setting", "sql_time_limit_ms", "20000", "--setting", "max_returned_rows", "10000")


def explore(
    config: Config,
    port: int,
    say: Callable[[str], None],
    recipes: Mapping[str, Any],
    examples: Callable[[], Mapping[str, Mapping[str, str]]],
) -> None:
    """Serves the database on 127.0.0.1 until interrupted or told to end; CollectorError when that cannot be done.

    `examples` gives by recipe the values of its parameters, for a link that answers.
    """
    path = _file_to_serve(config)
    _require_free(port)
    with tempfile.TemporaryDirectory() as folder:
        words = Path(folder) / "metadata.json"
        words.write_text(json.dumps(described(path.stem, recipes, examples())), encoding="utf-8")
        say(f"http://{_HOST}:{port}/{path.stem} (read-only; Ctrl-C ends it)")
        _serve(command(path, words, port))


def _file_to_serve(config: Config) -> Path:
    path = database_path(config.database.url)
    if path is None:
        raise ReportError("explore opens SQLite files only; this database is on a server")
    if importlib.util.find_spec("datasette") is None:
        raise ReportError("explore needs Datasette: pip install 'open-model-collector[explore]'")
    Database.open(config.database.url, write=False).close()  # a missing, foreign or older file is told here
    return path


def _require_free(port: int) -> None:
    """CollectorError when somebody listens there already: Datasette would say so in six lines."""
    with socket.socket() as there:
        there.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            there.bind((_HOST, port))
        except OSError as error:
            raise CollectorError(
                f"port {port} cannot be used ({error.strerror}); choose another with --port"
            ) from error


def command(path: Path, words: Path, port: int) -> tuple[str, ...]:
    """The command that serves a database with its metadata."""
    # Not --immutable: a poll may write meanwhile. Datasette opens files with mode=ro all the same.
    served = (sys.executable, "-m", "datasette", "serve", str(path), "--metadata", str(words))
    return (*served, "--host", _HOST, "--port", str(port), *_LIMITS)


def _serve(words: tuple[str, ...]) -> None:
    """Runs Datasette until it ends or a signal comes: nothing is left behind that still serves."""
    with StopOnSignal() as stop:
        process = subprocess.Popen(words)
        try:
            while process.poll() is None and not stop.wait(_LOOK_SECONDS):
                pass
        finally:
            process.terminate()
            _end(process)
    if not stop.is_set() and process.returncode:
        raise CollectorError(f"Datasette ended with status {process.returncode}; what it said stands above")


def _end(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(_LEAVE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()  # it waits for a query that runs on
        process.wait()


def described(database: str, recipes: Mapping[str, Any], examples: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    """Datasette's metadata: what every table, view and column means, and the recipes as canned queries."""
    tables: dict[str, Any] = {
        table.name: {"description": table.comment, "columns": {c.name: c.comment for c in table.columns}}
        for table in metadata.sorted_tables
    }
    views = {name: {"description": view.meaning, "columns": view.columns} for name, view in VIEWS.items()}
    queries = {
        name: {
            "title": recipe.title,
            "sql": recipe.sql,
            "params": list(recipe.parameters),
            **({"description_html": _example(f"/{database}/{name}", examples[name])} if name in examples else {}),
        }
        for name, recipe in recipes.items()
    }
    about = "Start with the queries and the views; DATA.md explains every column."
    databases = {
        database: {"description": about, "tables": tables | views | _OTHERS_TABLES, "queries": queries},
    }
    return {"title": _TITLE, "description": about, "databases": databases}


def _example(address: str, values: Mapping[str, str]) -> str:
    """A link to an answer: a query's page opens with empty parameters, and so with no row."""
    words = ", ".join(f"{name} {value}" for name, value in values.items())
    return f'For example <a href="{escape(f"{address}?{urlencode(values)}")}">{escape(words)}</a>.'
