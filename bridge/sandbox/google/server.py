"""All of the stand-in for Google, put together."""

from __future__ import annotations

from bridge.sandbox.description import load
from bridge.sandbox.google.api import Api
from bridge.sandbox.google.delegation import ServiceAccount, ServiceAccounts
from bridge.sandbox.google.grants import Client, Grants
from bridge.sandbox.google.oauth import OAuth
from bridge.sandbox.google.person import Person
from bridge.sandbox.google.push import Push
from bridge.sandbox.google.quotas import Limits, Quotas
from bridge.sandbox.world import World


class Google:
    """Calendar API, authorisation server and push, over one world."""

    def __init__(self, world: World, limits: Limits | None = None) -> None:
        description = load("google-calendar-v3")
        self.world = world
        self.grants = Grants(world)
        self.services = ServiceAccounts(world, self.grants)
        self.oauth = OAuth(world, self.grants, self.services, description)
        self.push = Push(world)
        self.api = Api(world, self.grants, self.push, description, Quotas(limits))

    def start(self) -> None:
        """Begin to post notifications."""
        self.push.start()

    def stop(self) -> None:
        """End, also what waits."""
        self.api.stop()
        self.push.stop()

    def add_client(self, client: Client) -> Client:
        """Register a program."""
        with self.world.lock:
            self.grants.clients[client.id] = client
        return client

    def add_service_account(self, email: str) -> ServiceAccount:
        """Make a service account; nobody lets it act for others yet."""
        with self.world.lock:
            return self.services.add(email)

    def person(self, email: str) -> Person:
        """Be somebody in front of the web calendar."""
        with self.world.lock:
            return Person(self.world, self.world.account(email).email)
