"""`python -m bridge` is `busybridge`."""

from bridge.cli import main

main()
