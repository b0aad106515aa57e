"""Kinds of accounts that can be connected."""

from __future__ import annotations

from flask import Response
from pydantic import BaseModel, Field

from bridge.access import Scope
from bridge.connecting import offers
from bridge.web.api.answers import answer
from bridge.web.api.routes import Routes
from bridge.web.context import WebContext


class ScopeModel(BaseModel):
    name: str = Field(description="as the provider calls it")
    purpose: str


class ProviderModel(BaseModel):
    """A kind of accounts."""

    name: str = Field(description="what other routes and the configuration call it")
    title: str
    synonyms: list[str] = Field(description="understood as well")
    needs_consent: bool = Field(
        description="accounts are connected by their owners, in a browser: GET /auth/{provider}/url"
    )
    scopes: list[ScopeModel] = Field(description="what an owner is asked to permit")
    capabilities: dict[str, str] = Field(description="ability -> `done`, or why not")


class Providers(BaseModel):
    items: list[ProviderModel]


class ProviderRoutes:
    """Reading them."""

    def __init__(self, context: WebContext) -> None:
        self._context = context

    def register(self, routes: Routes) -> None:
        """Add the routes."""
        scope = Scope.CONNECTIONS_READ
        routes.add("GET", "/providers", self.get_providers, scope=scope, answer=Providers)

    def get_providers(self) -> Response:
        """Kinds of accounts that can be connected with the configuration in force.

        A kind whose owners have to agree is among them once the configuration names the
        application that asks them.
        """
        listing = self._context.listing
        found = offers(listing.accounts) if listing else []
        return answer(
            {
                "items": [
                    {
                        "name": each.name,
                        "title": each.title,
                        "synonyms": list(each.synonyms),
                        "needs_consent": each.needs_consent,
                        "scopes": [
                            {"name": name, "purpose": why} for name, why in each.scopes.items()
                        ],
                        "capabilities": dict(each.capabilities),
                    }
                    for each in found
                ]
            }
        )
