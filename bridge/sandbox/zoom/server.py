"""All of the stand-in for Zoom, put together."""

from __future__ import annotations

from bridge.sandbox.faults import Faults
from bridge.sandbox.stand_in import StandIn
from bridge.sandbox.world import World
from bridge.sandbox.zoom import description
from bridge.sandbox.zoom.api import Api
from bridge.sandbox.zoom.directory import Directory, User
from bridge.sandbox.zoom.grants import Client, Grants, Webhook
from bridge.sandbox.zoom.oauth import OAuth
from bridge.sandbox.zoom.person import Person
from bridge.sandbox.zoom.push import Push
from bridge.sandbox.zoom.quotas import Limits, Quotas


class Zoom(StandIn[Client]):
    """The API and its authorisation server over one world."""

    def __init__(self, world: World) -> None:
        self.directory = Directory(world)
        self.grants = Grants(self.directory)
        self.oauth = OAuth(self.directory, self.grants)
        self.quotas = Quotas()
        self.push = Push(self.directory, self.grants)
        self.api = Api(self.directory, self.grants, description.load(), self.quotas)
        super().__init__(world, self.grants.clients, self.push.poster, self.api.stop)

    def faults(self, email: str) -> Faults:
        """See `StandIn`."""
        return self.directory.user(email).faults

    def every_fault(self) -> list[Faults]:
        """See `StandIn`."""
        return [user.faults for user in self.directory.users.values()]

    def limit(self, limits: Limits) -> None:
        """Refuse what Zoom refuses as too much."""
        self.quotas.limits = limits

    def subscribe(self, client: str, webhook: Webhook | None) -> None:
        """Have a program told of events, once its address has answered the challenge.

        Raises:
            NotValidated: it has not.
        """
        if webhook is not None:
            self.push.validate(webhook)
        with self.world.lock:
            self.grants.clients[client].webhook = webhook

    def person(self, email: str) -> Person:
        """Be a host in front of Zoom's web portal."""
        with self.world.lock:
            return Person(self.directory, self.directory.user(email), self.deauthorize)

    def deauthorize(self, user: User, client: str) -> None:
        """Let a person remove a program, which is told."""
        known = self.grants.clients[client]
        if not known.is_server and self.grants.allows(known, user):
            self.grants.end(client, user.id)
            self.push.deauthorized(known, user)

    def access_token(self, email: str, client: str, *scopes: str) -> str:
        """Give an access token, as if the person had just agreed; by default to everything."""
        with self.world.lock:
            known = self.grants.clients[client]
            wanted = scopes or known.scopes
            return self.grants.give(known, self.directory.user(email), wanted).access

    def app_token(self, client: str) -> str:
        """Give an access token to a Server-to-Server program."""
        with self.world.lock:
            return self.grants.give_alone(self.grants.clients[client]).access
