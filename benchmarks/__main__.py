"""Run the benchmarks that are named, all by default, and print their rows as they come."""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from dataclasses import replace
from importlib import import_module

from benchmarks.row import Row, Scale, header

NAMES = {
    "unchanged": "feeds and free-busy answered 304, beside Radicale",
    "read_path": "what CalDAV clients ask all day, beside Radicale",
    "ingest": "an ICS file to stored occurrences, beside vobject",
    "expansion": "recurrence rules, beside recurring-ical-events",
    "merge": "busy intervals, beside portion",
    "changes": "a pull of few changes in calendars of several sizes",
    "push": "a change at Google or Microsoft until every output shows it, told and polled",
    "bookings": "a booking until it is settled, without its provider",
    "polls": "polls of slow sources at the same time",
    "memory": "what all processes hold together",
    "commands": "how long commands take to start",
    "sick": "reads while one source is sick",
    "cold": "the first answer after a start, beside Radicale",
    "hostile": "the worst recurrence rules",
}


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measure BusyBridge beside its peers.",
        epilog="\n".join(f"{name:<10} {what}" for name, what in NAMES.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", metavar="name", help="all when none is given")
    parser.add_argument("--quick", action="store_true", help="small sizes: does it run at all?")
    parser.add_argument(
        "--events",
        type=int,
        action="append",
        default=[],
        metavar="N",
        help="size of the calendars of read_path, instead of 1,000 and 10,000; may be repeated",
    )
    given = parser.parse_args()
    scale = Scale(given.quick, tuple(given.events))
    unknown = [name for name in given.names if name not in NAMES]
    if unknown:
        parser.error(f"there is no {unknown[0]!r}; there are: {', '.join(NAMES)}")
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}", flush=True)
    if given.quick:
        print("small sizes: they show that it runs, and are not held against the targets")
    print(header(), flush=True)
    broken = [name for name in given.names or NAMES if not _run(name, scale)]
    if broken:
        print(f"broken: {', '.join(broken)}")
    return 1 if broken else 0


def _run(name: str, scale: Scale) -> bool:
    """Print the rows of one benchmark; False when it broke, which costs the others nothing."""
    try:
        rows = import_module(f"benchmarks.rows.{name}").rows(scale)
        for row in rows:
            assert isinstance(row, Row)
            print(replace(row, target="-", missed=False) if scale.quick else row, flush=True)
    except Exception:  # noqa: BLE001 - whatever broke is shown, and the other rows still run
        traceback.print_exc()
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
