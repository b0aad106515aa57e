"""What the web room is given by the composition root."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from bridge.access import Gate
from bridge.amending import Amending, Promotion, Trial
from bridge.bookings import Bookings
from bridge.channels.hearing import Hearing
from bridge.config.live import Live
from bridge.connecting import Connecting, Invitations, Listing
from bridge.dispatch.purging import Purging
from bridge.model.interval import Instant
from bridge.model.resource import ResourceId
from bridge.publish import Publisher
from bridge.store.database import Database
from bridge.store.vault import Vault
from bridge.web.metrics import Metrics

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication


class EngineHandle(Protocol):
    """What a request may ask of the engine."""

    @property
    def alive(self) -> bool:
        """Whether everything that this process runs in the background still runs."""
        ...

    def sync(
        self, resource_ids: Sequence[ResourceId], timeout: timedelta, *, full: bool = False
    ) -> bool:
        """Have the connections of these resources pulled now, and wait for it.

        Connections pulled within `sync.just_in_time.min_interval` count as fresh, unless full
        listings are wanted. The caller holds no database connection while it waits.

        Returns:
            Whether everything was fresh when the wait ended; False at the timeout.
        """
        ...

    def stir(self) -> None:
        """Look now for what is due: something was marked."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class WebContext:
    """Everything that a request handler reaches."""

    database: Database
    publisher: Publisher
    gate: Gate
    live: Live
    engine: EngineHandle
    instance: str
    """The key file's instance id: X-BUSYBRIDGE-ORIGIN of everything that is published."""
    clock: Callable[[], Instant]
    dav: WSGIApplication | None = None
    """Answers every path whose first segment is not reserved; None while nothing is mounted."""
    connecting: Connecting | None = None
    """None where no account can be connected in a browser; `invitations` is, too, then."""
    invitations: Invitations | None = None
    hearing: Hearing | None = None
    """None where no provider tells of changes."""
    amending: Amending | None = None
    """None where nothing is set by API; `trial` and `promotion` are, too, then."""
    trial: Trial | None = None
    promotion: Promotion | None = None
    listing: Listing | None = None
    """None where no account can be looked at."""
    bookings: Bookings | None = None
    """None where nothing can be booked."""
    purging: Purging | None = None
    """None where nothing is purged."""
    vault: Vault | None = None
    """Encrypts answers that are remembered; None where none is."""
    metrics: Metrics = field(default_factory=Metrics)
