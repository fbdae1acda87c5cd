"""`python -m collector` is the command line."""

from collector.cli import main

main()
