"""What must not lead the demo elsewhere: settings of the hub's library, and proxies. Knows names of variables only."""

from __future__ import annotations

from collections.abc import MutableMapping

_PREFIXES = ("HF_", "HUGGING", "COLLECTOR_")


def forget(environ: MutableMapping[str, str]) -> None:
    """Removes them from the environment given. To be done before the hub's library is imported: it reads them once."""
    for name in [name for name in environ if name.upper().startswith(_PREFIXES) or name.upper().endswith("_PROXY")]:
        del environ[name]
