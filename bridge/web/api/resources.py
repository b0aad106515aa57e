"""Resources: made, changed and removed by programs; those of the file are only shown."""

from __future__ import annotations

from functools import partial
from typing import Any

from flask import Response, g

from bridge.access import Scope, authorize
from bridge.amending import Draft
from bridge.config.plan import ResourcePlan
from bridge.errors import ProviderError
from bridge.model.resource import Access, ResourceId
from bridge.store import connections, resources
from bridge.store.database import Transaction
from bridge.store.resources import Owner, ResourceRow
from bridge.web.api.answers import answer
from bridge.web.api.changing import amending, explained, owners
from bridge.web.api.finding import find_resource, paged
from bridge.web.api.models import PageQuery, ResourcePath
from bridge.web.api.routes import Routes
from bridge.web.api.settable import NewResource, Removed, Resource, ResourceKeys, Resources
from bridge.web.context import WebContext
from bridge.web.problem import Problem


class ResourceRoutes:
    """Reading and setting resources."""

    def __init__(self, context: WebContext) -> None:
        self._context = context

    def register(self, routes: Routes) -> None:
        """Add the routes."""
        read, write = Scope.RESOURCES_READ, Scope.RESOURCES_WRITE
        every, one = "/resources", "/resources/<resource_id>"
        routes.add("GET", every, self.get_resources, scope=read, answer=Resources)
        routes.add("POST", every, self.post_resource, scope=write, answer=Resource, status=[201])
        routes.add("GET", one, self.get_resource, scope=read, answer=Resource)
        routes.add("PATCH", one, self.patch_resource, scope=write, answer=Resource)
        routes.add("DELETE", one, self.delete_resource, scope=write, answer=Removed)

    def get_resources(self, query: PageQuery) -> Response:
        """Resources that the key may read."""
        with self._context.database.read() as conn:
            rows = [
                row
                for row in resources.all_active(conn)
                if authorize(g.principal, row.id, Access.READ)
            ]
            page = paged(rows, lambda row: row.id, partial(_document, conn), query)
        return answer(page.json())

    def get_resource(self, path: ResourcePath) -> Response:
        """One resource."""
        return self._show(find_resource(self._context, path.resource_id, Access.READ).id)

    def post_resource(self, body: NewResource) -> Response:
        """Make a resource. Its accounts are connected afterwards."""
        id_ = ResourceId(body.id)
        if not authorize(g.principal, id_, Access.MANAGE):
            raise Problem(403, "access_denied", "The key is not for resources of this name.")
        values = _values(body)
        with explained(id_):
            amending(self._context).change(id_, lambda draft: _make(draft, values))
        return self._show(id_, 201)

    def patch_resource(self, path: ResourcePath, body: ResourceKeys) -> Response:
        """Set keys of a resource; null gives one back to what it is without.

        Keys that stand in the configuration file are changed there: 409 `managed_by_file`.
        """
        id_ = find_resource(self._context, path.resource_id, Access.MANAGE).id
        values = _values(body)
        with explained(id_):
            amending(self._context).change(id_, lambda draft: draft.set(id_, values))
        return self._show(id_)

    def delete_resource(self, path: ResourcePath) -> Response:
        """Remove a resource with everything known of it; what was granted is given back first."""
        row = find_resource(self._context, path.resource_id, Access.MANAGE)
        if row.managed_by is Owner.FILE:
            raise managed(row.id)
        change = amending(self._context)
        connecting, _ = owners(self._context)
        with self._context.database.read() as conn:
            own = connections.of_resource(conn, row.id)
        with explained(row.id):
            change.preview(row.id, lambda draft: draft.remove(row.id))
            troubles = [connecting.disconnect(each.id) for each in own]
            change.change(row.id, lambda draft: draft.remove(row.id))
        return answer(removed_json(row.id, troubles))

    def _show(self, id_: ResourceId, status: int = 200) -> Response:
        with self._context.database.read() as conn:
            row = resources.get(conn, id_)
            if row is None:
                raise Problem(409, "conflict", "It was removed at this moment.")
            return answer(_document(conn, row), status)


def removed_json(id_: str, troubles: list[ProviderError | None]) -> dict[str, object]:
    """Write what came of a deletion, as `Removed` says."""
    told = [str(each) for each in troubles if each is not None]
    return {"id": id_, "given_back": not told, "message": "; ".join(told)}


def managed(id_: str) -> Problem:
    """Refuse to remove what the file has."""
    return Problem(
        409,
        "managed_by_file",
        f"{id_} stands in the configuration file; what leaves the file is removed by a reload.",
    )


def _values(body: ResourceKeys) -> dict[str, Any]:
    return body.model_dump(mode="json", exclude_unset=True)


def _make(draft: Draft, values: dict[str, Any]) -> None:
    own = dict(values)
    draft.make(own.pop("id"), own)


def _document(conn: Transaction, row: ResourceRow) -> dict[str, object]:
    plan = ResourcePlan.model_validate_json(row.plan)
    return {
        "id": row.id,
        "name": plan.name,
        "email": plan.email,
        "type": plan.type.value,
        "timezone": plan.timezone,
        "direction": plan.direction.value,
        "managed_by": row.managed_by.value,
        "connections": [each.id for each in connections.of_resource(conn, row.id)],
    }
