"""The commands: each reads its words, makes one call, prints what came. Knows no SQL, no figure, no wire format.

Data goes to stdout, words to stderr. Exit status: 0 done, 1 failed, 2 wrong usage or configuration. What takes long to
import is imported by the command that needs it, so that `collector --help` comes at once.
"""

from __future__ import annotations

import dataclasses
import io
import json
import logging
import math
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from collector import __version__
from collector.errors import CollectorError, UsageError

if TYPE_CHECKING:
    from collector.config import Config
    from collector.polling import Progress
    from collector.report.text import Column

app = typer.Typer(
    name="collector",
    help="Whose open models does the world build on? Polls model hubs, keeps every counter, reports shares by country.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
origins = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="The registry of publishers and their origins.")
db = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="The database: create, migrate, check.")
app.add_typer(origins, name="origins")
app.add_typer(db, name="db")

LOCK_WAIT_SECONDS = 5.0
INTERRUPTED = 130  # what typer makes of Ctrl-C
SHORTEST = 8  # columns that are left to a text where the terminal is narrow
WIDE = 120  # columns, where there is no terminal to ask


def main() -> NoReturn:
    """Runs the command line; a user's error ends in one line on stderr, never in a traceback."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A terminal that cannot show a character shows its escape: no reason to fail.
        sys.stdout.reconfigure(errors="backslashreplace")
    sys.exit(_run(sys.argv[1:]))


def _run(words: Sequence[str]) -> int:
    """The exit status of a command line."""
    try:
        status = app(list(words), prog_name="collector", standalone_mode=False)
    except CollectorError as error:
        for line in str(error).splitlines():
            _say(f"collector: {line}")
        return error.exit_status
    except typer.TyperException as error:
        _say(_wrong_usage(error))
        return 2
    if status == INTERRUPTED:
        _say("collector: interrupted; what was kept is whole, and the same command goes on from there")
        return 1
    return status or 0


def _wrong_usage(error: typer.TyperException) -> str:
    """One line for wrong words; the help itself for none at all."""
    message = error.format_message()
    return message if "\n" in message else f"collector: {message.rstrip('.')}; `collector --help` names what there is"


@dataclass(frozen=True, slots=True)
class Global:
    """What stands before the command."""

    config: Path | None


def _version(wanted: bool) -> None:
    if wanted:
        _emit([f"collector {__version__}"])
        raise typer.Exit


@app.callback()
def _global(
    context: typer.Context,
    config: Annotated[
        Path | None, typer.Option("--config", help="Configuration; else COLLECTOR_CONFIG, else ./config.toml.")
    ] = None,
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it.")] = False,  # noqa: ARG001 - its callback ends the run
) -> None:
    context.obj = Global(config)


Json = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]
Hub = Annotated[str | None, typer.Option("--hub", help="The hub, where there are several.")]


# --- setting up -------------------------------------------------------------------------------------------------------


@app.command()
def init(context: typer.Context) -> None:
    """Write config.toml from the example (never over one) and create the database."""
    from collector.config import config_path, example_config

    path = config_path(context.obj.config, os.environ)
    if path.exists():
        _say(f"{path} is there already; left as it is")
    else:
        _write_new(path, example_config())
        _say(f"wrote {path}")
    _upgrade(_config(context))


def _write_new(path: Path, text: str) -> None:
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise CollectorError(f"cannot write {path}: {error.strerror}; choose a folder that can be written") from error


@db.command("upgrade")
def db_upgrade(context: typer.Context, as_json: Json = False) -> None:
    """Create the database, or bring it to this version's schema."""
    _upgrade(_config(context), as_json=as_json)


def _upgrade(config: Config, *, as_json: bool = False) -> None:
    from collector.store.database import upgrade

    done = upgrade(config.database.url)
    if as_json:
        _print_json(done._asdict())
    elif done.before is None:
        _say("database created")
    elif done.before == done.after:
        _say(f"database is at schema {done.after} already")
    else:
        _say(f"database brought from schema {done.before} to {done.after}")


@db.command("backup")
def db_backup(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="The copy to write; an older backup of that name is replaced.")],
    as_json: Json = False,
) -> None:
    """Copy the database while it is in use; the copy is verified before it gets its name."""
    from collector.stopping import StopOnSignal
    from collector.store.backup import backup

    with StopOnSignal() as stop, _passing(wanted=not as_json) as shown:
        size = backup(_config(context).database.url, file, stop.is_set, shown)
    if as_json:
        _print_json({"file": str(file), "bytes": size, "verified": True})
    else:
        _say(_safe(f"wrote {file}, {size / 1e6:,.1f} MB, verified"))


@db.command("copy")
def db_copy(
    context: typer.Context,
    to: Annotated[str, typer.Option("--to", help="An empty database: postgresql+psycopg://… or sqlite:///FILE.")],
    as_json: Json = False,
) -> None:
    """Copy the database to another engine or place, and compare rows and a report on both sides."""
    from collector import moving
    from collector.stopping import StopOnSignal

    config = _config(context)
    with StopOnSignal() as stop:
        done = moving.copy_database(
            config, to, now=_now, stopped=stop.is_set, told=lambda name, rows: _say(f"{name}: {rows:,} rows")
        )
    if as_json:
        _print_json(dataclasses.asdict(done))
        return
    compared = f"; the same report of {', '.join(done.equal_reports)}" if done.equal_reports else ""
    _say(_safe(f"copied {sum(done.rows.values()):,} rows to {done.target}: as many on both sides{compared}"))
    _say("name it in [database] url to use it; the old one is left as it is")


@db.command("check")
def db_check(context: typer.Context, as_json: Json = False) -> None:
    """Check the database's integrity and the project's invariants; exit 1 when something is wrong."""
    from collector.recounting import wrong_accounts, wrong_columns, wrong_months
    from collector.store.check import check
    from collector.store.database import Database

    with Database.open(_config(context).database.url, write=False) as database:
        findings = check(database)
        findings += map(str, (*wrong_columns(database), *wrong_months(database), *wrong_accounts(database)))
    if as_json:
        _print_json({"sound": not findings, "findings": findings})
    else:
        _emit(map(_safe, findings))
    if findings:
        raise CollectorError(f"{len(findings)} finding(s); go back to a backup or report it")
    _say("database is sound")


# --- polling and reporting --------------------------------------------------------------------------------------------


@app.command()
def poll(
    context: typer.Context,
    hub: Annotated[str | None, typer.Argument(help="The hub; not needed when one is enabled.")] = None,
    as_json: Json = False,
) -> None:
    """Poll now; resume an unfinished poll of the same UTC day; print what came and what share it shows."""
    from collector import asking, tasks
    from collector.stopping import StopOnSignal
    from collector.store.database import writer_lock

    config = _config(context)
    chosen = asking.chosen_hub(config, hub)
    log = _logging(config, json_lines=False)
    with (
        writer_lock(config.database.url, wait_seconds=LOCK_WAIT_SECONDS),
        StopOnSignal() as stop,
        _progress(log) as told,
    ):
        result = tasks.poll_hub(config, chosen, now=_now, stop=stop, log=log, progress=told)
    shown, headline = tasks.trailing(config, chosen.name), asking.headline_asked(config, None, None, "country")
    if as_json:
        values = None if shown is None else tasks.headline_values(shown, headline)
        _print_json({"poll": dataclasses.asdict(result.poll), "resumed": result.resumed, "trailing": values})
        return
    _emit([tasks.poll_sentence(chosen.name, result)])
    if shown is not None:
        _emit(["", tasks.headline_text(shown, headline, _width())])


@app.command()
def report(
    context: typer.Context,
    month: Annotated[str | None, typer.Argument(help="YYYY-MM; the last whole month when left out.")] = None,
    start: Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="First day (UTC).")] = None,
    end: Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="First day after.")] = None,
    trailing: Annotated[bool, typer.Option("--trailing", help="The hub's own last 30 days.")] = False,
    out: Annotated[Path | None, typer.Option("--out", help="Folder for the pack; else the configured one.")] = None,
    scope: Annotated[str | None, typer.Option("--scope", help="Scope of the table printed; else the first.")] = None,
    attribution: Annotated[str | None, typer.Option("--attribution", help="base or publisher.")] = None,
    hub: Hub = None,
    by: Annotated[str, typer.Option("--by", help="country, family, publisher or group.")] = "country",
    png: Annotated[bool, typer.Option("--png", help="The charts as PNG and SVG too (extra plots).")] = False,
    as_json: Json = False,
) -> None:
    """Write the CSV pack and the page of a month or any window, and print the headline."""
    from collector import asking, tasks

    config = _config(context)
    headline = asking.headline_asked(config, scope, attribution, by)
    span = asking.report_span(month, _day(start), _day(end), trailing, _now)
    with _passing(wanted=not as_json) as shown:
        pack = tasks.write_report(config, hub, span, out, slides=png, told=lambda words: shown(words, None))
    if as_json:
        _print_json({"folder": str(pack.folder), **tasks.headline_values(pack.data, headline)})
    else:
        _emit([tasks.headline_text(pack.data, headline, _width())])
        _say(f"\nwrote {len(pack.files)} files to {pack.folder}")


def _day(instant: datetime | None) -> date | None:
    return None if instant is None else instant.date()


@app.command()
def run(context: typer.Context) -> None:
    """Run the daemon: polls, rolls up, reports, backs up on schedule until SIGTERM; SIGHUP reloads its settings."""
    from collector.daemon.run import HangUp, Service, end_now
    from collector.stopping import StopOnSignal
    from collector.store.database import Database, writer_lock

    config = _daemon_config(context)
    log = _logging(config, json_lines=not sys.stderr.isatty())
    # HangUp first: a hang-up that comes while the lock is waited for must not end the process.
    with HangUp() as hangup, writer_lock(config.database.url, wait_seconds=LOCK_WAIT_SECONDS), StopOnSignal() as stop:
        Database.open(config.database.url, write=False).close()  # what is wrong with it from the start is said at once

        def load() -> Config:
            loaded = _daemon_config(context)
            _logging(loaded, json_lines=not sys.stderr.isatty())  # another token is another secret
            return loaded

        if Service(config, load, _now, log, stop, hangup, os.environ).run():
            end_now(log)


def _daemon_config(context: typer.Context) -> Config:
    config = _config(context)
    if not any(hub.enabled for hub in config.hubs.values()):
        raise UsageError(f"{config.path}: no hub is enabled; set enabled = true in a [hub.NAME] section")
    return config


@app.command()
def status(context: typer.Context, as_json: Json = False) -> None:
    """Last polls, lag, coverage, next runs, database size."""
    from collector import status as standing
    from collector.daemon.due import next_time

    found = standing.status(_config(context), _now(), next_time)
    if as_json:
        _print_json(found)
    else:
        _emit(standing.status_lines(found))


# --- reading the database ---------------------------------------------------------------------------------------------


@app.command()
def sql(
    context: typer.Context,
    query: Annotated[str | None, typer.Argument(help="One SQL statement; it can only read.")] = None,
    recipe: Annotated[str | None, typer.Option("--recipe", help="A named recipe instead of a query.")] = None,
    recipes: Annotated[bool, typer.Option("--recipes", help="List the recipes.")] = False,
    month: Annotated[
        str | None, typer.Option("--month", help="YYYY-MM, for a recipe; else the last whole one.")
    ] = None,
    country: Annotated[str | None, typer.Option("--country", help="Country code, for a recipe.")] = None,
    family: Annotated[str | None, typer.Option("--family", help="Model family, for a recipe.")] = None,
    scope: Annotated[str | None, typer.Option("--scope", help="Scope, for a recipe; else the first.")] = None,
    attribution: Annotated[str | None, typer.Option("--attribution", help="base or publisher, for a recipe.")] = None,
    hub: Hub = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="CSV instead of a table.")] = False,
    as_json: Json = False,
) -> None:
    """Read-only SQL on the database, or a named recipe. Start with the views named in DATA.md."""
    from collector import recipes as named
    from collector.store import queries

    if sum((query is not None, recipe is not None, recipes)) != 1:
        raise UsageError("write a query, or --recipe NAME, or --recipes: one of them")
    asked = {
        "month": month,
        "country": country,
        "family": family,
        "scope": scope,
        "attribution": attribution,
        "hub": hub,
    }
    if recipe is None and any(asked.values()):
        raise UsageError("--month, --country, --family, --scope, --attribution and --hub go with --recipe")
    if recipes:
        columns, rows = named.listing()
        _print_table(columns, rows, as_csv=as_csv, as_json=as_json)
        return
    config = _config(context)
    if recipe is None:
        with queries.asked(config.database.url, query or "") as answer:
            _print_parts(answer.columns, answer.parts, as_csv=as_csv, as_json=as_json)
    else:
        columns, rows = named.run_recipe(config, recipe, asked, _now)
        _print_table(columns, rows, as_csv=as_csv, as_json=as_json)


@app.command()
def explain(
    context: typer.Context,
    words: Annotated[
        list[str] | None, typer.Argument(metavar="[MODEL] [MONTH]", help="publisher/model, or the hub's key; YYYY-MM.")
    ] = None,
    country: Annotated[str | None, typer.Option("--country", help="A country code instead of a model.")] = None,
    scope: Annotated[str | None, typer.Option("--scope", help="Scope of a country's share; else the first.")] = None,
    attribution: Annotated[str | None, typer.Option("--attribution", help="base or publisher, for a country.")] = None,
    hub: Hub = None,
    as_json: Json = False,
) -> None:
    """Every reading, span, rule, label and sum behind a model's month or a country's share."""
    config, said = _config(context), words or []
    if len(said) > (2 if country is None else 1) or (country is None and not said):
        raise UsageError("write a model and perhaps a month, or --country CC and perhaps a month")
    if country is None:
        if scope or attribution:
            raise UsageError("--scope and --attribution go with --country")
        from collector.explaining.one_model import explain_model, model_lines

        found = explain_model(config, said[0], said[1] if len(said) == 2 else None, hub, _now)
        lines = model_lines(found)
    else:
        from collector.asking import headline_asked
        from collector.explaining.one_country import country_lines, explain_country

        asked = headline_asked(config, scope, attribution, "country")
        found = explain_country(config, country, said[0] if said else None, hub, asked, _now)
        lines = country_lines(found)
    if as_json:
        _print_json(found)
    else:
        _emit(map(_safe, lines))


@app.command()
def export(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(help="A new folder, or that of an earlier export.")],
    as_json: Json = False,
) -> None:
    """Write the database as Parquet, partitioned by month, with the registry."""
    from collector import exporting

    config = _config(context)
    with _passing() as shown:
        done = exporting.export(config, folder, lambda words: shown(words, None))
    if as_json:
        _print_json(dataclasses.asdict(done))
    else:
        _print_table(("table", "rows"), list(done.rows.items()), as_csv=False, as_json=False)
        _say(_safe(f"wrote {done.files} files to {done.folder}"))


@app.command()
def explore(
    context: typer.Context,
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="On 127.0.0.1.")] = 8001,
) -> None:
    """Explore the database in a browser, read-only (Datasette, an extra)."""
    from collector import exploring, recipes

    config = _config(context)
    exploring.explore(config, port, _say, recipes.recipes(), lambda: recipes.examples(config, _now))


@app.command("import")
def import_(
    context: typer.Context,
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE...", help="Files of history, or folders of them; see README for their columns."),
    ],
    hub: Annotated[str, typer.Option("--hub", help="The hub whose counters these are.")],
    source: Annotated[str, typer.Option("--source", help="Where the file comes from; stands in reports.")] = "",
    terms: Annotated[str, typer.Option("--license", help="Terms of the file; stand in reports.")] = "",
    all_time_since: Annotated[
        datetime | None,
        typer.Option(
            "--all-time-since", formats=["%Y-%m-%d"], help="Before this day a lifetime count of 0 says nothing."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Import history from CSV or Parquet files, in any order of dates; the same file twice is once."""
    from collector import tasks
    from collector.store.database import writer_lock

    config = _config(context)
    with writer_lock(config.database.url, wait_seconds=LOCK_WAIT_SECONDS), _passing() as shown:
        done = tasks.import_history(
            config,
            files,
            hub,
            now=_now,
            source=source,
            terms=terms,
            all_time_since=_day(all_time_since),
            told=lambda at: shown(*tasks.import_words(at)),
        )
    if as_json:
        _print_json([{"file": str(file), **dataclasses.asdict(result)} for file, result in done])
        return
    for file, result in done:
        if result.already:
            _say(_safe(f"{file} was imported before; nothing changed"))
            continue
        _emit([tasks.import_sentence(result, None if len(done) == 1 else _safe(file.name))])
        for words in tasks.import_warnings(result):
            _say(_safe(words))


# --- origins ----------------------------------------------------------------------------------------------------------


@origins.command("check")
def origins_check(
    context: typer.Context,
    file: Annotated[Path | None, typer.Argument(help="A registry file of your own; else the whole registry.")] = None,
    as_json: Json = False,
) -> None:
    """Validate registry, families and lineage corrections, or a file of your own; exit 1 when something is wrong."""
    from collector import lookups, review

    today = _now().date()
    if file is not None:
        held, faults = review.check_file(file, today)
        lines = [f"{file}: {held['accounts']:,} accounts in {held['rows']:,} rows"]
    else:
        held, faults = lookups.check_origins(_config(context), today)
        lines = lookups.held_lines(held)
    if as_json:
        _print_json({**held, "faults": faults})
    else:
        _emit(map(_safe, lines))
    for fault in faults:
        _say(f"collector: {_safe(fault)}")
    if faults:
        raise typer.Exit(1)


@origins.command("who")
def origins_who(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="An account, or a model as publisher/model.")],
    as_json: Json = False,
) -> None:
    """Look up an account, or the account and the lineage of a model."""
    from collector import lookups

    columns, rows = lookups.who(_config(context), name)
    _print_table(columns, rows, as_csv=False, as_json=as_json)


@origins.command("export")
def origins_export(context: typer.Context, as_json: Json = False) -> None:
    """Write the registry to stdout, as CSV or as JSON."""
    from collector import asking
    from collector.origins.registry import COLUMNS, export, record

    registry = asking.knowledge_of(_config(context)).registry
    if as_json:
        _print_table(COLUMNS, [record(row) for row in registry.rows], as_csv=False, as_json=True)
        return
    text = io.StringIO()
    export(registry, text)
    _emit([text.getvalue().rstrip("\n")])


@origins.command("unattributed")
def origins_unattributed(
    context: typer.Context,
    hub: Hub = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="How many publishers.")] = 50,
    as_csv: Annotated[bool, typer.Option("--csv", help="CSV instead of a table.")] = False,
    as_json: Json = False,
) -> None:
    """List the accounts without a country, by downloads; --csv: as registry rows for a reviewer to fill in."""
    from collector import review

    missing = review.unattributed(_config(context), hub, limit, _now().date())
    columns, rows = missing.rows_to_fill if as_csv else missing.table
    _print_table(columns, rows, as_csv=as_csv, as_json=as_json)
    for line in missing.words:
        _say(line)


@origins.command("diff")
def origins_diff(
    context: typer.Context,
    old: Annotated[str, typer.Argument(help="A registry file, `packaged`, or `configured` (packaged and your rows).")],
    new: Annotated[str, typer.Argument(help="The same for the registry after the edit.")],
    month: Annotated[str, typer.Argument(help="YYYY-MM")],
    hub: Hub = None,
    scope: Annotated[str | None, typer.Option("--scope", help="Scope of the shares; else the first.")] = None,
    as_json: Json = False,
) -> None:
    """Show which accounts differ between two registries, and what that does to a month's shares by country."""
    from collector import review

    edit = review.registry_edit(_config(context), old, new, month, hub=hub, scope=scope)
    tables = {"accounts": edit.accounts, "shares": edit.shares}
    if as_json:
        _print_json(
            {name: [dict(zip(head, row, strict=True)) for row in rows] for name, (head, rows) in tables.items()}
        )
        return
    for name, (columns, rows) in tables.items():
        _emit([f"{name} that change: {len(rows)}"])
        if rows:
            _print_table(columns, rows, as_csv=False, as_json=False)


# --- the demonstration ------------------------------------------------------------------------------------------------


@app.command()
def demo(
    out: Annotated[Path, typer.Option("--out", help="Folder to leave database and reports in.")] = Path("demo-output"),
    as_json: Json = False,
) -> None:
    """A whole run on the embedded recording: loopback hub, polls over HTTP, reports for June to September 2026."""
    from collector.demo.surroundings import forget

    forget(os.environ)
    from collector import asking, tasks
    from collector.demo.run import run_demo

    packs = run_demo(out, (lambda _: None) if as_json else (lambda line: _emit([line])), _width())
    if as_json:
        asked = asking.Headline(packs[-1].data.scopes[0].name, packs[-1].data.attribution, "country")
        reports = [{"folder": str(pack.folder), **tasks.headline_values(pack.data, asked)} for pack in packs]
        _print_json({"folder": str(out), "reports": reports})


# --- printing ---------------------------------------------------------------------------------------------------------


def _now() -> datetime:
    return datetime.now(UTC)


def _config(context: typer.Context) -> Config:
    from collector.config import load_config

    loaded: Config = load_config(context.obj.config, os.environ)
    return loaded


def _say(words: str) -> None:
    """Words, on stderr."""
    print(words, file=sys.stderr)


def _emit(lines: Iterable[str]) -> None:
    """Data, on stdout. When the reader of a pipe went away (`| head`), what is left goes nowhere: nothing failed."""
    try:
        sys.stdout.writelines(f"{line}\n" for line in lines)
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _safe(words: str) -> str:
    from collector.report.text import clean

    return clean(words)


def _width() -> int:
    return shutil.get_terminal_size((WIDE, 24)).columns


def _print_json(value: object) -> None:
    _emit([json.dumps(value, indent=2, default=str, allow_nan=False)])


def _print_table(columns: Sequence[str], rows: Sequence[Sequence[Any]], *, as_csv: bool, as_json: bool) -> None:
    _print_parts(columns, iter([rows]), as_csv=as_csv, as_json=as_json)


def _print_parts(
    columns: Sequence[str], parts: Iterator[Sequence[Sequence[Any]]], *, as_csv: bool, as_json: bool
) -> None:
    """Prints rows as they come: of an answer of any length, one part is held."""
    if as_csv and as_json:
        raise UsageError("--csv or --json: one of them")
    if as_json:
        _emit(_json_lines(_distinct(columns), chain.from_iterable(parts)))
    elif as_csv:
        from collector.report.csvtext import plain_lines

        _emit(line.removesuffix("\n") for line in plain_lines(columns, chain.from_iterable(parts)))
    else:
        _emit(_table_lines(columns, parts))


def _json_lines(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    """A list of records as `json.dumps` lays it out, a record at a time."""
    written = json.JSONEncoder(default=str, allow_nan=False).encode  # an indented one would be written in Python
    keys = [written(name) for name in names]
    last = None
    for row in rows:
        yield "[" if last is None else f"{last},"
        values = (f"    {key}: {written(_json_value(value))}" for key, value in zip(keys, row, strict=True))
        last = "  {\n" + ",\n".join(values) + "\n  }"
    yield from ["[]"] if last is None else [last, "]"]


def _table_lines(columns: Sequence[str], parts: Iterator[Sequence[Sequence[Any]]]) -> Iterator[str]:
    """A table; each part of a long one has its own header and its own widths."""
    from collector.report import text

    width = _width() if sys.stdout.isatty() else sys.maxsize
    for number, rows in enumerate(chain([next(parts, ())], parts)):
        table = [_column(name, [row[n] for row in rows]) for n, name in enumerate(columns)]
        yield from [""] if number else []
        yield from text.table_lines(table, width)


def _column(name: str, values: Sequence[Any]) -> Column:
    """A column of a table on a terminal: numbers at the right and never shortened, null empty."""
    from collector.report.csvtext import words_of
    from collector.report.text import Column, clean

    said = [value for value in values if value is not None]
    numbers = bool(said) and all(isinstance(value, (int, float)) for value in said)
    return Column(
        clean(name),
        ["" if value is None else _number(value) if numbers else clean(words_of(value)) for value in values],
        right=numbers,
        least=None if numbers else SHORTEST,
    )


def _number(value: float) -> str:
    """Whole numbers whole, others to six places, smaller ones as they are."""
    if isinstance(value, int) or not math.isfinite(value) or 0 < abs(value) < 1e-6:
        return str(value)
    return f"{value:.6f}".rstrip("0").rstrip(".")


def _json_value(value: Any) -> Any:
    """JSON has neither bytes nor infinity: the ones become hexadecimal digits, the other a word."""
    if isinstance(value, bytes):
        return value.hex()
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _distinct(names: Sequence[str]) -> list[str]:
    """Two columns of one name (`SELECT a.id, b.id`) are two keys: id, id_2."""
    seen: dict[str, int] = {}
    distinct = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        distinct.append(name if seen[name] == 1 else f"{name}_{seen[name]}")
    return distinct


def _logging(config: Config, *, json_lines: bool) -> logging.Logger:
    from collector.logs import set_up

    tokens = [hub.token.get_secret_value() for hub in config.hubs.values() if hub.token is not None]
    return set_up(sys.stderr, json_lines=json_lines, secrets=[*tokens, *filter(None, [config.alert.webhook])])


@contextmanager
def _progress(log: logging.Logger) -> Iterator[Callable[[Progress], None]]:
    """A bar on a terminal, a log line every 50 pages elsewhere."""
    if sys.stderr.isatty():
        yield _bar
        print(file=sys.stderr)
    else:
        yield lambda at: _line(log, at)


def _bar(at: Progress) -> None:
    part = f"{at.models_listed:,} models" if at.top is None else f"{at.models_listed:,} of {at.top:,} models"
    filled = "" if at.top is None else _filled(at.models_listed / at.top)
    print(f"\r{filled}{part}, {at.pages} pages", end="", file=sys.stderr, flush=True)


def _filled(part: float) -> str:
    """The bar itself."""
    return "█" * round(20 * min(part, 1)) + " "


@contextmanager
def _passing(*, wanted: bool = True) -> Iterator[Callable[[str, float | None], None]]:
    """A line on a terminal that says what long work is at, gone when it is done; elsewhere nothing is said."""
    if not (wanted and sys.stderr.isatty()):
        yield lambda *_: None
        return
    last = ""

    def show(words: str, part: float | None = None) -> None:
        nonlocal last
        line = _safe(words) if part is None else f"{_filled(part)}{100 * part:.0f} % {_safe(words)}"
        if line != last:
            last = line
            print(f"\r\x1b[2K{line}", end="", file=sys.stderr, flush=True)

    try:
        yield show
    finally:
        print("\r\x1b[2K", end="", file=sys.stderr, flush=True)


def _line(log: logging.Logger, at: Progress) -> None:
    if at.pages % 50 == 1:
        log.info("%d models, %d pages", at.models_listed, at.pages)
