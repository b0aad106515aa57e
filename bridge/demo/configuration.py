"""The demo's own `busybridge.yaml`: what an admin would write for these sources."""

from __future__ import annotations

from collections.abc import Sequence

from bridge.demo.calendars import ZONE
from bridge.demo.google import Google
from bridge.demo.sources import LOGIN, Source

RESOURCES = ("alice", "room-blue", "van")
TO_CONNECT = "anna"
"""The resource whose accounts nobody has connected yet."""
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
logging:
  level: warning                    # so that what was printed stays in sight
sync:
  interval: {interval}
  jitter: 0%
auth:
  users:
    - {{name: {user}, access: {{alice: read, room-blue: free-busy, van: free-busy, anna: read}}}}
providers:
  google:                           # the sandbox; leave these URLs out for Google itself
{google}
    client_secret_file: google.secret
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
  - id: anna
    name: Anna
    email: anna@demo.example
    freebusy: {{public: true}}
    feeds: [{{name: public}}]
    connections:                    # waiting for their owner to connect them
      - {{id: work, provider: google, account_email: {work}}}
      - {{id: private, provider: google, account_email: {private}}}
"""


def configuration(port: int, sources: Sequence[Source], google: Google, interval: str) -> str:
    """Return the YAML for a bridge on `port` that reads these two servers and this stand-in."""
    first, second = (
        f'server_url: "{source.url}", username: {LOGIN.username}, password_file: source.password'
        for source in sources
    )
    ports = (*(source.port for source in sources), google.port)
    networks = ", ".join(f'"127.0.0.1/32:{each}"' for each in ports)
    work, private = google.accounts[:2]
    return _TEMPLATE.format(
        port=port,
        zone=ZONE,
        networks=networks,
        interval=interval,
        user=USER,
        first=first,
        second=second,
        google="\n".join(f'    {name}: "{value}"' for name, value in google.section.items()),
        work=work,
        private=private,
    )
