"""Settings: a TOML file and the environment to one validated, frozen `Config`. The only reader of settings.

Knows every key, its default and its limits. Knows no hub's wire format, opens no database and starts nothing. The
environment is passed in; the files read are the one named, and the token files it names. Errors never show a value
that may hold a secret.
"""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, get_args
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from collector.errors import ConfigError
from collector.model import Attribution, CountryGroup, Scope

DEFAULT_PATH = Path("config.toml")
_PREFIX = "COLLECTOR__"
_TOKEN_VARIABLES = {"huggingface": "HF_TOKEN"}  # hub: the variable that its own tools read too
_CREDENTIALS = "CREDENTIALS_DIRECTORY"  # systemd's: a folder that only the service can read
_CREDENTIAL_NAMES = {"huggingface": "hf_token"}
_TOKEN_BYTES = 4096  # a longer file is not a token

Loc = tuple[int | str, ...]


# What the rest of the program sees: plain and frozen.


@dataclass(frozen=True, slots=True)
class Secret:
    """A text that no repr, log or error shows. Same verb as pydantic's."""

    _text: str = field(repr=False)

    def get_secret_value(self) -> str:
        return self._text


@dataclass(frozen=True, slots=True)
class DatabaseConfig:
    url: str = field(repr=False)  #: SQLAlchemy URL, SQLite paths absolute; may hold a password


@dataclass(frozen=True, slots=True)
class HubConfig:
    name: str
    enabled: bool
    endpoint: str  #: without a slash at its end
    models: Literal["top", "all"]
    top: int  #: number of models; without meaning when `models` is "all"
    schedule: str  #: cron as `normal_schedule` returns it, UTC
    timeout_seconds: float
    token: Secret | None  #: None: ask anonymously


@dataclass(frozen=True, slots=True)
class ReportConfig:
    directory: Path
    attribution: Attribution  #: the headline
    schedule: str
    top_models: int


@dataclass(frozen=True, slots=True)
class BackupConfig:
    directory: Path | None  #: None: no backups
    keep: int
    schedule: str
    check_schedule: str = "0 5 * * sun"  #: when the daemon checks the database


@dataclass(frozen=True, slots=True)
class ServeConfig:
    host: str  #: name or address, IPv6 without brackets
    port: int  #: 0: any free one
    names: tuple[str, ...] = ()  #: further names that requests may ask for


@dataclass(frozen=True, slots=True)
class AlertConfig:
    webhook: str | None = field(repr=False)  #: None: tell nobody; such addresses are secrets
    quiet_hours: float = 36  #: without a complete poll
    moved_points: float = 2  #: percentage points that a share may move from poll to poll
    crossings: bool = True  #: whether it is told when one country or family overtakes another


@dataclass(frozen=True, slots=True)
class OriginsConfig:
    file: Path | None  #: None: the packaged registry alone


@dataclass(frozen=True, slots=True)
class Config:
    """Every setting, checked. Paths are absolute."""

    path: Path  #: the file it came from
    database: DatabaseConfig
    hubs: Mapping[str, HubConfig]  #: by name, those that are not enabled too
    report: ReportConfig
    backup: BackupConfig
    serve: ServeConfig
    alert: AlertConfig
    origins: OriginsConfig
    scopes: tuple[Scope, ...]  #: at least one; names differ
    groups: tuple[CountryGroup, ...] = ()  #: the user's own, codes not yet looked up; names differ


def config_path(path: Path | None, environ: Mapping[str, str]) -> Path:
    """The file to read: the one given, else COLLECTOR_CONFIG, else ./config.toml."""
    return path or Path(environ.get("COLLECTOR_CONFIG") or DEFAULT_PATH)


def load_config(path: Path | None, environ: Mapping[str, str]) -> Config:
    """The configuration of the file (see `config_path`) and, over it, of the COLLECTOR__ variables.

    ConfigError when the file is missing or not TOML, and for all wrong or unknown keys at once, a line each: file or
    variable, key, what is wrong. The second [[scope]] is `scope.2`.
    """
    file = config_path(path, environ)
    table = _read_table(file)
    variables, faults = _read_variables(environ)
    faults = [
        *(f"{_shown(file)}: {fault}" for fault in _faults(table, _dotted, strict=True)),
        *faults,
        *_faults(variables, _variable_of, strict=False),
    ]
    if faults:
        raise ConfigError("\n".join(faults))
    return _config(_File.model_validate(_merged(table, variables)), file, environ)


def example_config() -> str:
    """The text of config.example.toml: every key with its default and what it means."""
    packaged = Path(__file__).parent / "data" / "config.example.toml"
    checkout = Path(__file__).parent.parent / "config.example.toml"  # an editable install
    return (packaged if packaged.exists() else checkout).read_text(encoding="utf-8")


# Cron.

_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS_IN_MONTH = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_CRON_PART = re.compile(r"(?:\*|(?P<first>\w+)(?:-(?P<last>\w+))?)(?:/(?P<step>[0-9]{1,4}))?\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class _CronField:
    name: str
    low: int
    high: int
    names: Mapping[str, int] = field(default_factory=dict)


_CRON_FIELDS = (
    _CronField("minute", 0, 59),
    _CronField("hour", 0, 23),
    _CronField("day of the month", 1, 31),
    _CronField("month", 1, 12, {name: number for number, name in enumerate(_MONTHS, 1)}),
    _CronField("weekday", 0, 7, {name: number for number, name in enumerate(_WEEKDAYS)}),
)


def normal_schedule(text: str) -> str:
    """A cron line as lists of values, `*` for all of them and weekdays by name; ValueError says what is wrong.

    Written out because dialects differ: APScheduler counts weekdays from Monday where cron counts from Sunday, and
    asks for day of the month *and* weekday where cron asks for one of them; hence not both.
    """
    parts = text.split()
    if len(parts) != len(_CRON_FIELDS):
        raise ValueError(
            f"has {len(parts)} fields, a cron line has 5: minute hour day month weekday, as in 5 0 * * * (UTC)"
        )
    minutes, hours, days, months, weekdays = (
        _cron_values(part, spec) for part, spec in zip(parts, _CRON_FIELDS, strict=True)
    )
    weekdays = {day % 7 for day in weekdays}
    if len(days) < 31 and len(weekdays) < 7:
        raise ValueError("names a day of the month and a weekday; put * in place of one of them")
    if min(days) > max(_DAYS_IN_MONTH[month - 1] for month in months):
        raise ValueError("names a day that none of its months has, so it would never come")
    week = "*" if len(weekdays) == 7 else ",".join(_WEEKDAYS[day] for day in sorted(weekdays))
    listed = [
        "*" if len(values) > spec.high - spec.low else ",".join(map(str, sorted(values)))
        for values, spec in zip((minutes, hours, days, months), _CRON_FIELDS, strict=False)
    ]
    return " ".join([*listed, week])


def _cron_values(text: str, spec: _CronField) -> set[int]:
    return {value for part in text.split(",") for value in _cron_part(part, spec)}


def _cron_part(text: str, spec: _CronField) -> range:
    """`*`, `n`, `n-m`, each perhaps with `/step`; `n/step` runs to the field's end."""
    match = _CRON_PART.match(text)
    if match is None:
        raise ValueError(f'cannot read {spec.name} "{_shown(text)}"')
    step = 1 if match["step"] is None else int(match["step"])
    first = spec.low if match["first"] is None else _cron_value(match["first"], spec)
    if match["last"] is not None:
        last = _cron_value(match["last"], spec)
    else:
        last = first if match["first"] is not None and match["step"] is None else spec.high
    if last < first:
        raise ValueError(f'{spec.name} "{_shown(text)}" ends before it begins')
    if not 1 <= step <= max(last - first, 1):
        raise ValueError(f'{spec.name} "{_shown(text)}" has a step that leads out of its range')
    return range(first, last + 1, step)


def _cron_value(text: str, spec: _CronField) -> int:
    number = spec.names.get(text.lower(), -1)
    if re.fullmatch("[0-9]{1,4}", text):
        number = int(text)
    if not spec.low <= number <= spec.high:
        raise ValueError(f'{spec.name} "{_shown(text)}" is not one of {spec.low} to {spec.high}')
    return number


# The keys, as users write them.


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("holds a control character")
    return text


_SQLITE_URL = re.compile(r"sqlite:///(?!:memory:\Z)/?[^/?][^?]*\Z")
_POSTGRES_URL = re.compile(r"postgresql\+psycopg://[^/\s]*/[^/?\s]+(?:\?\S*)?\Z")


def _database_url(text: str) -> str:
    if _SQLITE_URL.match(text) or _POSTGRES_URL.match(text):
        return text
    raise ValueError("must be sqlite:///FILE or postgresql+psycopg://USER@HOST/DATABASE")


def _http_address(text: str) -> str:
    """ValueError unless it is an http(s) URL with a host and a port that can be; never shows it."""
    try:
        parts = urlsplit(text)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0 and " " not in text
    except ValueError:
        usable = False
    if not usable:
        raise ValueError("must be an address that begins with http:// or https://")
    return text


def _endpoint(text: str) -> str:
    parts = urlsplit(_http_address(text))
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise ValueError("must be scheme, host, port and path alone, without user, password, ? or #")
    return text.rstrip("/")


def _webhook(text: str) -> str:
    return _http_address(text) if text else text


_LISTEN = re.compile(r"(?:\[(?P<ipv6>[0-9A-Fa-f:.]+)\]|(?P<host>[A-Za-z0-9._-]+)):(?P<port>[0-9]{1,5})\Z")


def _listen(text: str) -> str:
    match = _LISTEN.match(text)
    if match is None or int(match["port"]) > 65535:
        raise ValueError('must be host:port, as in "127.0.0.1:9464", with a port of at most 65535')
    return text


def _scope_name(text: str) -> str:
    if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", text) is None:
        raise ValueError("must be letters, digits, . _ and -, at most 64 of them")
    return text


def _filled(text: str) -> str:
    if not text:
        raise ValueError("must not be empty")
    return text


Text = Annotated[str, AfterValidator(_printable)]
Schedule = Annotated[Text, AfterValidator(normal_schedule)]


class _Keys(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, hide_input_in_errors=True)


class _Database(_Keys):
    url: Annotated[Text, AfterValidator(_database_url)] = "sqlite:///collector.db"


class _HuggingFace(_Keys):
    enabled: bool = True
    endpoint: Annotated[Text, AfterValidator(_endpoint)] = "https://huggingface.co"
    models: Literal["top", "all"] = "top"
    top: int = Field(default=20_000, gt=0)
    schedule: Schedule = "5 0 * * *"
    timeout_seconds: float = Field(default=30, gt=0, le=3600)
    token_file: Text = ""


class _Hubs(_Keys):
    huggingface: _HuggingFace = _HuggingFace()


class _Report(_Keys):
    directory: Annotated[Text, AfterValidator(_filled)] = "reports"
    attribution: Attribution = "base"
    schedule: Schedule = "0 6 2 * *"
    top_models: int = Field(default=50_000, gt=0)


class _Backup(_Keys):
    directory: Text = ""
    keep: int = Field(default=7, gt=0)
    schedule: Schedule = "30 3 * * *"
    check_schedule: Schedule = "0 5 * * sun"


class _Serve(_Keys):
    listen: Annotated[Text, AfterValidator(_listen)] = "127.0.0.1:9464"
    names: Text = ""


class _Alert(_Keys):
    webhook: Annotated[Text, AfterValidator(_webhook)] = ""
    quiet_hours: float = Field(default=36, gt=0)
    moved_points: float = Field(default=2, gt=0, le=100)
    crossings: bool = True


class _Origins(_Keys):
    file: Text = ""


class _Scope(_Keys):
    name: Annotated[str, AfterValidator(_scope_name)]
    pipeline_tags: Annotated[list[Annotated[Text, AfterValidator(_filled)]], Field(min_length=1)] | None = None
    created_after: date | None = None
    exclude_relations: list[Literal["finetune", "adapter", "quantized", "merge"]] = []


def _named_once(scopes: list[_Scope]) -> list[_Scope]:
    _refuse_twice("scopes", [scope.name for scope in scopes])
    return scopes


def _refuse_twice(what: str, names: Sequence[str]) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f'two {what} are named "{twice[0]}"')


def _country_code(text: str) -> str:
    if re.fullmatch("[A-Z]{2}", text) is None:
        raise ValueError("must be an ISO 3166-1 code of two capitals, as in DE")
    return text


def _group_name(text: str) -> str:
    if not 0 < len(text.strip()) <= 64 or text != text.strip():
        raise ValueError("must be 1 to 64 characters without blanks at its ends")
    return text


class _Group(_Keys):
    name: Annotated[Text, AfterValidator(_group_name)]
    title: Annotated[Text, Field(max_length=200)] = ""
    countries: Annotated[list[Annotated[str, AfterValidator(_country_code)]], Field(min_length=1)]


def _groups_named_once(groups: list[_Group]) -> list[_Group]:
    _refuse_twice("groups", [group.name.casefold() for group in groups])
    return groups


_LLM = {
    "pipeline_tags": ["text-generation", "image-text-to-text", "any-to-any"],
    "created_after": date(2022, 11, 30),  # the day ChatGPT opened
}


class _File(_Keys):
    database: _Database = _Database()
    hub: _Hubs = _Hubs()
    report: _Report = _Report()
    backup: _Backup = _Backup()
    serve: _Serve = _Serve()
    alert: _Alert = _Alert()
    origins: _Origins = _Origins()
    scope: Annotated[list[_Scope], Field(min_length=1), AfterValidator(_named_once)] = [
        _Scope(name="all"),
        _Scope.model_validate({"name": "llm", **_LLM}),
        _Scope.model_validate({"name": "llm-originals", **_LLM, "exclude_relations": ["quantized"]}),
    ]
    group: Annotated[list[_Group], AfterValidator(_groups_named_once)] = []


# Reading.


def _read_table(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_bytes().decode("utf-8-sig"))
    except FileNotFoundError:
        cure = "`collector init` writes one, --config names another"
        raise ConfigError(f"{_shown(file)}: no such file; {cure}") from None
    except OSError as error:
        raise ConfigError(f"{_shown(file)}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{_shown(file)}: is not UTF-8 text (byte {error.start + 1}); save it as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{_shown(file)}: is not TOML: {_shown(error)}") from None


def _read_variables(environ: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
    """The values that the environment sets, nested like the file's, and what is wrong with its names."""
    ours = {name.upper(): text for name, text in environ.items() if _looks_ours(name)}
    faults = [_no_such_variable(name) for name in sorted(ours) if name not in _NAMES]
    named = {name.lower(): text for name, text in ours.items() if name in _NAMES}
    if not named:
        return {}, faults
    # Loaded where a variable is set: it takes 0.04 s, a tenth of the start of a command.
    from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsConfigDict, SettingsError

    class Variables(_File, BaseSettings):
        """The same keys, for the reader of the environment alone."""

        model_config = SettingsConfigDict(extra="forbid")

    source = EnvSettingsSource(Variables, env_prefix=_PREFIX.lower(), env_nested_delimiter="__")
    source.env_vars = named
    try:
        return source(), faults
    except SettingsError as error:  # only the lists of tables are JSON
        name = "GROUP" if '"group"' in str(error) else "SCOPE"
        return {}, [*faults, f'{_PREFIX}{name}: is not JSON; write a list as in [{{"name": "all"}}]']


def _looks_ours(name: str) -> bool:
    """Ours, or one of ours with too few underscores, which would otherwise be ignored without a word."""
    bare = name.upper().replace("_", "")
    return name.upper().startswith(_PREFIX) or any(bare == known.replace("_", "") for known in _NAMES)


def _no_such_variable(name: str) -> str:
    parts = name.removeprefix(_PREFIX).lower().split("__")
    if parts[-1] == "token":
        return f"{_shown(name)}: {_where_tokens_go(parts[-2] if len(parts) > 1 else '')}"
    return f"{_shown(name)}: no such key ({_nearest(name, _NAMES)})"


def _leaves(model: type[BaseModel], parents: tuple[str, ...] = ()) -> Iterator[str]:
    for key, info in model.model_fields.items():
        if isinstance(info.annotation, type) and issubclass(info.annotation, BaseModel):
            yield from _leaves(info.annotation, (*parents, key))
        else:
            yield _variable_of((*parents, key))


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        merged[key] = _merged(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return merged


# Faults.


def _faults(values: Mapping[str, Any], label: Callable[[Loc], str], *, strict: bool) -> list[str]:
    """What is wrong with the values. Strict: a number in quotes is not a number (in the environment it is)."""
    try:
        _File.model_validate(values, strict=strict)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
        return [f"{label(detail['loc'])}: {_reason(detail)}" for detail in details]
    return []


def _dotted(loc: Loc) -> str:
    return _shown(".".join(str(part + 1) if isinstance(part, int) else part for part in loc))


def _variable_of(loc: Loc) -> str:
    if loc[0] in ("scope", "group") and len(loc) > 1:
        return f"{_PREFIX}{str(loc[0]).upper()}: {_dotted(loc)}"
    return _PREFIX + "__".join(str(part) for part in loc).upper()


_KINDS = {
    "int": "a whole number",
    "float": "a number",
    "finite": "a number",
    "bool": "true or false",
    "string": "text",
    "list": "a list",
    "date": "a date, as in 2022-11-30 (in TOML without quotes)",
    "model": "a table of keys",
}


def _reason(detail: Any) -> str:
    kind, context = detail["type"], detail.get("ctx", {})
    match kind:
        case "extra_forbidden":
            return _no_such_key(detail["loc"])
        case "value_error":
            return str(context["error"])
        case "missing":
            return "is missing"
        case "literal_error":
            return f"must be {context['expected']}"
        case "greater_than":
            return f"must be more than {context['gt']:g}"
        case "less_than_equal":
            return f"must be at most {context['le']:g}"
        case "too_short":
            return "must not be empty"
        case "too_long" | "string_too_long":
            return f"must be at most {context['max_length']} characters"
    return f"must be {_KINDS.get(kind.split('_')[0], 'another value')}"


def _no_such_key(loc: Loc) -> str:
    *parents, key = loc
    if parents[:1] == ["hub"] and key == "token":
        return _where_tokens_go(str(parents[-1]))
    word = "hub" if parents == ["hub"] else "key"
    return f"no such {word} ({_nearest(str(key), list(_model_at(parents).model_fields))})"


def _where_tokens_go(hub: str) -> str:
    variable = _TOKEN_VARIABLES.get(hub, "HF_TOKEN")
    return f"a token does not belong here; set {variable} in the environment, or name a file of its own in token_file"


def _nearest(word: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(word, known, n=1)
    return f'did you mean "{near[0]}"?' if near else f"known: {', '.join(known)}"


def _model_at(loc: Sequence[int | str]) -> type[BaseModel]:
    model: Any = _File
    for key in loc:
        if isinstance(key, str):
            annotation = model.model_fields[key].annotation
            model = (get_args(annotation) or (annotation,))[0]
    found: type[BaseModel] = model
    return found


def _shown(value: object) -> str:
    """Text that is safe to print on one line, and short."""
    text = "".join(char if char.isprintable() else "?" for char in str(value))
    return text if len(text) <= 200 else text[:200] + "…"


_NAMES: Sequence[str] = tuple(_leaves(_File))


# From keys to Config.


def _config(keys: _File, file: Path, environ: Mapping[str, str]) -> Config:
    folder = file.absolute().parent
    return Config(
        path=file.absolute(),
        database=DatabaseConfig(_absolute_url(keys.database.url, folder)),
        hubs={"huggingface": _hub("huggingface", keys.hub.huggingface, file, environ)},
        report=ReportConfig(
            folder / keys.report.directory, keys.report.attribution, keys.report.schedule, keys.report.top_models
        ),
        backup=BackupConfig(
            _optional(folder, keys.backup.directory),
            keys.backup.keep,
            keys.backup.schedule,
            keys.backup.check_schedule,
        ),
        serve=_serve(keys.serve.listen, keys.serve.names),
        alert=AlertConfig(
            keys.alert.webhook or None, keys.alert.quiet_hours, keys.alert.moved_points, keys.alert.crossings
        ),
        origins=OriginsConfig(_optional(folder, keys.origins.file)),
        scopes=tuple(_scope(scope) for scope in keys.scope),
        groups=tuple(
            CountryGroup(group.name, group.title or group.name, frozenset(group.countries)) for group in keys.group
        ),
    )


def _hub(name: str, keys: _HuggingFace, file: Path, environ: Mapping[str, str]) -> HubConfig:
    return HubConfig(
        name=name,
        enabled=keys.enabled,
        endpoint=keys.endpoint,
        models=keys.models,
        top=keys.top,
        schedule=keys.schedule,
        timeout_seconds=keys.timeout_seconds,
        token=_token(name, _optional(file.absolute().parent, keys.token_file), file, environ),
    )


def _token(hub: str, token_file: Path | None, file: Path, environ: Mapping[str, str]) -> Secret | None:
    """The token of the environment, else of the file, else of systemd's credential. An empty variable is none."""
    variable = _TOKEN_VARIABLES[hub]
    text = environ.get(variable, "").strip()
    where = variable
    credential = Path(environ.get(_CREDENTIALS, ""), _CREDENTIAL_NAMES[hub])
    if not text and token_file is not None:
        where = f"{_shown(file)}: hub.{hub}.token_file"
        text = _token_of_file(token_file, where)
    elif not text and environ.get(_CREDENTIALS) and credential.exists():
        where = f"{_CREDENTIALS}: {_CREDENTIAL_NAMES[hub]}"
        # systemd grants the service's user by an access list, which shows as a right of the group: not asked here.
        text = _token_of_file(credential, where, private=False)
    if not text:
        return None
    if not text.isascii() or not text.isprintable() or " " in text:
        raise ConfigError(f"{where}: does not hold a token (one word of letters and digits)")
    return Secret(text)


def _token_of_file(token_file: Path, where: str, *, private: bool = True) -> str:
    try:
        with token_file.open("rb") as stream:
            # Asked of the open file, so that it cannot be another one than the one read.
            mode = os.fstat(stream.fileno()).st_mode
            text = stream.read(_TOKEN_BYTES).decode("ascii", "replace").strip()
    except OSError as error:
        raise ConfigError(f"{where}: {_shown(token_file)} cannot be read ({error.strerror})") from error
    if private and mode & 0o077:
        raise ConfigError(f"{where}: {_shown(token_file)} can be read by others; do `chmod 600 {_shown(token_file)}`")
    if not text:
        raise ConfigError(f"{where}: {_shown(token_file)} is empty; put the token in it")
    return text


def _absolute_url(url: str, folder: Path) -> str:
    if not url.startswith("sqlite:///"):
        return url
    return f"sqlite:///{folder / url.removeprefix('sqlite:///')}"


def _optional(folder: Path, text: str) -> Path | None:
    return folder / text if text else None


def _serve(listen: str, names: str) -> ServeConfig:
    host, _, port = listen.rpartition(":")
    return ServeConfig(host.strip("[]"), int(port), tuple(names.lower().split()))


def _scope(keys: _Scope) -> Scope:
    tags = None if keys.pipeline_tags is None else frozenset(keys.pipeline_tags)
    return Scope(keys.name, tags, keys.created_after, frozenset(keys.exclude_relations))
