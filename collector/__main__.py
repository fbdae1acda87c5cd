"""`collector` and `python -m collector`: the command line. An interrupt while it loads ends it without a traceback."""

import signal


def main() -> None:
    """Loads the command line and runs it."""
    is_ours = signal.getsignal(signal.SIGINT) is signal.default_int_handler  # a shell's background job ignores it
    if is_ours:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from collector.cli import main as run

    if is_ours:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    run()


if __name__ == "__main__":
    main()
