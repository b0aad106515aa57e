"""All of the stand-in for Microsoft, put together."""

from __future__ import annotations

from bridge.sandbox.description import load
from bridge.sandbox.faults import Faults
from bridge.sandbox.microsoft.api import Api
from bridge.sandbox.microsoft.directory import Directory
from bridge.sandbox.microsoft.entra import Entra
from bridge.sandbox.microsoft.grants import Client, Grants
from bridge.sandbox.microsoft.person import Person
from bridge.sandbox.microsoft.push import Push
from bridge.sandbox.microsoft.quotas import MailboxLimits, Quotas
from bridge.sandbox.microsoft.routes import Routes
from bridge.sandbox.stand_in import StandIn
from bridge.sandbox.world import World


class Microsoft(StandIn[Client]):
    """Graph and Entra ID over one world."""

    def __init__(self, world: World) -> None:
        self.directory = Directory(world)
        self.grants = Grants(self.directory)
        self.entra = Entra(self.directory, self.grants)
        self.quotas = Quotas()
        description = load("microsoft-graph-calendar")
        self.push = Push(self.directory, description)
        self.api = Api(
            self.directory,
            self.grants,
            description,
            Routes(self.push),
            self.push,
            self.quotas,
        )
        super().__init__(world, self.grants.clients, self.push.poster, self.api.stop)

    def faults(self, email: str) -> Faults:
        """See `StandIn`."""
        return self.directory.mailbox(email).faults

    def every_fault(self) -> list[Faults]:
        """See `StandIn`."""
        return [box.faults for box in self.directory.mailboxes.values()]

    def limit(self, limits: MailboxLimits) -> None:
        """Refuse what Microsoft refuses as too much."""
        self.quotas.limits = limits

    def person(self, email: str) -> Person:
        """Be somebody in front of Outlook."""
        with self.world.lock:
            return Person(self.directory, self.directory.mailbox(email))

    def tell(self, email: str, event: str) -> None:
        """Send a lifecycle event to the subscriptions of a mailbox, see `push.LIFECYCLE`."""
        with self.world.lock:
            self.push.tell(self.directory.mailbox(email), event)

    def access_token(self, email: str, client: str, *scopes: str) -> str:
        """Give an access token, as if the person had just signed in; by default to everything."""
        wanted = scopes or ("Calendars.ReadWrite", "Calendars.ReadWrite.Shared", "User.Read")
        with self.world.lock:
            box = self.directory.mailbox(email)
            return self.grants.give(self.grants.clients[client], box, wanted).access

    def app_token(self, client: str, tenant: str, *roles: str) -> str:
        """Give an access token to a program on its own."""
        wanted = roles or ("Calendars.ReadWrite", "User.Read.All")
        with self.world.lock:
            there = self.directory.add_tenant(tenant)
            return self.grants.give_alone(self.grants.clients[client], there.id, wanted).access
