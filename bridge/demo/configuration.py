"""The demo's own `busybridge.yaml`: what an admin would write for these sources."""

from __future__ import annotations

from collections.abc import Sequence

from bridge.demo.calendars import ZONE
from bridge.demo.sources import LOGIN, Source

RESOURCES = ("alice", "room-blue", "van")
USER = "alice"
"""Who may look at the bridge with a calendar program."""

_TEMPLATE = """\
# Written by `busybridge demo`; it is gone when the demo ends.
version: 1
environment: demo
server:
  bind: 127.0.0.1:{port}
  timezone: {zone}
storage:
  database: sqlite:///busybridge.sqlite3
  encryption_key_file: busybridge.key
outbound:
  allow_networks: [{networks}]      # the demo's own sources; loopback is refused otherwise
sync:
  interval: {interval}
  jitter: 0%
auth:
  users:
    - {{name: {user}, access: {{alice: read, room-blue: free-busy, van: free-busy}}}}
resources:
  - id: alice
    name: Alice
    email: alice@demo.example
    freebusy: {{public: true}}
    feeds: [{{name: public}}]
    connections:
      - {{id: work, provider: caldav, {first}, read_calendars: [Work]}}
      - {{id: family, provider: caldav, {second}, read_calendars: [Family]}}
  - id: room-blue
    name: Blue Room
    email: room-blue@demo.example
    type: room
    freebusy: {{public: true}}
    feeds: [{{name: public}}]
    connections:
      - {{id: calendar, provider: caldav, {first}, read_calendars: [Blue Room]}}
      - {{id: closures, provider: ics, path: closures.ics, availability: {{all_day: busy}}}}
  - id: van
    name: Van
    email: van@demo.example
    type: resource
    freebusy: {{public: true}}
    feeds: [{{name: public}}]
    connections:
      - {{id: trips, provider: caldav, {second}, read_calendars: [Van]}}
"""


def configuration(port: int, sources: Sequence[Source], interval: str) -> str:
    """Return the YAML for a bridge on `port` that reads these two servers."""
    first, second = (
        f'server_url: "{source.url}", username: {LOGIN.username}, password_file: source.password'
        for source in sources
    )
    networks = ", ".join(f'"127.0.0.1/32:{source.port}"' for source in sources)
    return _TEMPLATE.format(
        port=port,
        zone=ZONE,
        networks=networks,
        interval=interval,
        user=USER,
        first=first,
        second=second,
    )
