"""The demo's own `busybridge.yaml`: what an admin would write for these sources."""

from __future__ import annotations

from collections.abc import Sequence

from bridge.demo.calendars import ZONE
from bridge.demo.sources import LOGIN, Source
from bridge.demo.stand_ins import StandIn, StandIns

TO_CONNECT = "anna"
"""The resource with a calendar of every kind, two of which nobody has connected yet."""
RESOURCES = ("alice", "room-blue", "van", TO_CONNECT)
USER = "alice"
"""Who may look at the bridge with a calendar program, and book Anna."""

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
    - {{name: {user}, access: {{alice: read, room-blue: free-busy, van: free-busy, anna: write}}}}
providers:
  google:                           # the sandbox; leave these URLs out for Google itself
{google}
    client_secret_file: google.secret
  microsoft:                        # the same here
{microsoft}
    client_secret_file: microsoft.secret
  zoom:                             # and here; one app makes everybody's meetings
{zoom}
    client_secret_file: zoom.secret
    host: {person}
  apple:                            # leave this section out for iCloud itself
    server_url: "{icloud}"
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
    event_defaults: {{conference: auto}}   # at Google: a Meet link
    connections:                    # two of them wait for their owner to connect them
      - {{id: work, provider: google, account_email: {person}, write_calendar: primary}}
      - {{id: office, provider: microsoft, account_email: {person}}}
      - {{id: home, provider: apple, {login}, read_calendars: [Home]}}
      - {{id: closures, provider: ics, path: closures.ics, availability: {{all_day: busy}}}}
"""


def configuration(port: int, sources: Sequence[Source], accounts: StandIns, interval: str) -> str:
    """Return the YAML for a bridge on `port` that reads these two servers and the stand-ins."""
    login = f"username: {LOGIN.username}, password_file: source.password"
    first, second = (f'server_url: "{source.url}", {login}' for source in sources)
    ports = (*(source.port for source in sources), accounts.google.port)
    networks = ", ".join(f'"127.0.0.1/32:{each}"' for each in ports)
    return _TEMPLATE.format(
        port=port,
        zone=ZONE,
        networks=networks,
        interval=interval,
        user=USER,
        first=first,
        second=second,
        login=login,
        icloud=sources[-1].url,
        google=_section(accounts.google),
        microsoft=_section(accounts.microsoft),
        zoom=_section(accounts.zoom),
        person=accounts.person,
    )


def _section(stand_in: StandIn) -> str:
    return "\n".join(f'    {name}: "{value}"' for name, value in stand_in.section.items())
