"""The errors a user can act on: one line that says what, where and what to do.

Anything that is not one of these is a bug and is not caught. No message here ever carries a token or a URL password.
"""

from __future__ import annotations


class CollectorError(Exception):
    """Something the user can mend; the command line prints the message and ends with `exit_status`."""

    exit_status = 1


class UsageError(CollectorError):
    """Wrong arguments of a command."""

    exit_status = 2


class ConfigError(CollectorError):
    """A configuration that cannot be used: names the file, the key and the cure."""

    exit_status = 2


class HubError(CollectorError):
    """A hub that is out of reach or answers what it should not; the poll stays resumable."""


class CursorRefused(HubError):
    """The hub no longer takes the address of the next page; the listing must begin again."""


class StoreError(CollectorError):
    """A database that is missing, foreign, locked, newer than this software or out of space."""


class ImportFileError(CollectorError):
    """A file of history that cannot be imported: names the file and the line; nothing was kept."""


class RegistryError(CollectorError):
    """A registry, family or lineage file that cannot be read: names the file, the line and the reason."""


class ReportError(CollectorError):
    """A report that cannot be made: an unknown month, a window without data, a folder that cannot be written."""


class Stopped(CollectorError):
    """The user or the system asked to stop; what was kept so far is whole and the poll can be resumed."""
