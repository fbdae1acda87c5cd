"""`collector` and `python -m collector`: the command line. An interrupt while it loads ends it without a traceback."""

import gc
import os
import signal

from collector.garbage import seek_garbage_seldom


def main() -> None:
    """Loads the command line and runs it."""
    seek_garbage_seldom()
    # numpy adds up here and solves no equations: making threads for that takes 40 ms of CPU as it loads.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # No other package looks at the settings, nor is it searched for: 5 ms and more with every package installed.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    is_ours = signal.getsignal(signal.SIGINT) is signal.default_int_handler  # a shell's background job ignores it
    if is_ours:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from collector.cli import main as run

    if is_ours:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        run()
    finally:
        # The process ends: looking for garbage among all that was loaded takes as long as loading a third of it did.
        gc.freeze()


if __name__ == "__main__":
    main()
