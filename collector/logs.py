"""What the log looks like: lines for people, JSON for machines, and no secret in either.

Modules log through the standard library and know nothing of this; structlog renders their records, so that the fields
bound by `about` (hub, poll) stand in every line, third-party ones included. Knows no configuration and opens no file.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import Any, TextIO

import structlog

LOGGER = "collector"
# They log addresses and headers at lower levels: of no use to an operator.
QUIET = ("httpx2", "httpcore2", "apscheduler", "huggingface_hub", "alembic", "filelock")

_HIDDEN = "***"
_PASSWORD = re.compile(r"(?<=://)([^\s/@:]*):[^\s/@]*@")
_TOKEN = re.compile(r"\bhf_[A-Za-z0-9]{8,}|(?i:(?<=bearer )\S+)")

_Processor = Callable[[Any, str, dict[str, Any]], dict[str, Any]]


def set_up(stream: TextIO, *, json_lines: bool, secrets: Iterable[str] = ()) -> logging.Logger:
    """Sends every log record from INFO on to the stream, as JSON or for people; returns the program's logger.

    Called again, it replaces what it set up before. `secrets` are texts that no line may hold; URL passwords and hub
    tokens are hidden whatever is named.
    """
    renderer: Any = structlog.processors.JSONRenderer(ensure_ascii=True)
    if not json_lines:
        renderer = structlog.dev.ConsoleRenderer(colors=stream.isatty(), pad_event_to=0, sort_keys=False)
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="%Y-%m-%dT%H:%M:%SZ", utc=True),
        structlog.processors.format_exc_info,
        scrubber(secrets),
    ]
    handler = _Handler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    take_down()
    logging.getLogger().addHandler(handler)
    logging.getLogger().setLevel(logging.INFO)
    for library in QUIET:
        logging.getLogger(library).setLevel(logging.WARNING)
    return logging.getLogger(LOGGER)


def take_down() -> None:
    """Removes what `set_up` added."""
    root = logging.getLogger()
    for handler in [each for each in root.handlers if isinstance(each, _Handler)]:
        root.removeHandler(handler)


class _Handler(logging.StreamHandler[TextIO]):
    """Ours, to be told from those of others."""


def about(**fields: object) -> AbstractContextManager[None]:
    """Within it every line bears these fields: hub, poll."""
    return structlog.contextvars.bound_contextvars(**fields)


def scrubber(secrets: Iterable[str]) -> _Processor:
    """A processor that hides secrets in every text of a line, tracebacks too."""
    named = [secret for secret in secrets if secret]

    def scrub(_logger: Any, _method: str, line: dict[str, Any]) -> dict[str, Any]:
        return {name: hidden(value, named) if isinstance(value, str) else value for name, value in line.items()}

    return scrub


def hidden(text: str, secrets: Iterable[str]) -> str:
    """The text without these secrets, without URL passwords and without anything that looks like a hub's token."""
    for secret in secrets:
        text = text.replace(secret, _HIDDEN)
    return _TOKEN.sub(_HIDDEN, _PASSWORD.sub(rf"\1:{_HIDDEN}@", text))
