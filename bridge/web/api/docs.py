"""The API's description: OpenAPI 3.1, and a page made from it that loads nothing from anywhere."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from threading import Lock
from typing import Any

from flask import Response, render_template_string
from flask_openapi3.openapi import OpenAPI

from bridge.web.api.once import PARAMETER
from bridge.web.api.routes import ACTING, Routes

_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
h2{margin-top:2.5rem;border-top:1px solid #ccc;padding-top:1rem}
code,pre{font:14px/1.5 ui-monospace,monospace;background:#f4f4f4}
pre{padding:.75rem;overflow:auto}
table{border-collapse:collapse}td,th{border:1px solid #ccc;padding:.25rem .6rem;text-align:left}
"""
_POLICY = (
    "default-src 'none'; frame-ancestors 'none'; style-src 'sha256-"
    + base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
    + "'"
)
_ACTING = {
    "name": ACTING,
    "in": "header",
    "required": False,
    "description": "id of a resource: the key acts for it alone in this request",
    "schema": {"type": "string"},
}
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{{ api.info.title }} API</title>
<style>{{ style }}</style></head><body>
<h1>{{ api.info.title }} API <small>{{ api.info.version }}</small></h1>
<p>Send <code>Authorization: Bearer KEY</code>; make a key with <code>busybridge keys create</code>.
Errors are problem details (RFC 9457); branch on <code>code</code>.
The same as a document: <a href="openapi.json">openapi.json</a>.</p>
{% for path, methods in api.paths.items() %}{% for method, operation in methods.items() %}
<h2><code>{{ method | upper }} {{ path }}</code></h2>
<p><strong>{{ operation.summary }}</strong><br>{{ operation.description }}</p>
<p>Scope: {% for need in operation.security %}{% for scopes in need.values() %}<code>
{{- scopes | join(", ") }}</code>{% endfor %}{% endfor %}</p>
{% if operation.parameters %}<table><tr><th>Parameter</th><th>In</th><th>Needed</th><th></th></tr>
{% for each in operation.parameters %}<tr><td><code>{{ each.name }}</code></td>
<td>{{ each.in }}</td><td>{{ "yes" if each.required else "no" }}</td>
<td>{{ each.description or each.schema.description }}</td></tr>{% endfor %}</table>{% endif %}
{% if operation.requestBody %}<p>Body:</p><pre>
{{- operation.requestBody.content | tojson(indent=1) }}</pre>{% endif %}
{% endfor %}{% endfor %}
<h2>Schemas</h2>
{% for name, schema in api.components.schemas.items() %}<h3 id="{{ name }}">{{ name }}</h3>
<pre>{{ schema | tojson(indent=1) }}</pre>{% endfor %}
</body></html>
"""


class Document:
    """The document, made when it is asked for first."""

    def __init__(self, routes: Routes, make_app: Callable[[], OpenAPI]) -> None:
        """Describe these routes in an application like the one that answers them."""
        self._routes = routes
        self._make_app = make_app
        self._making = Lock()
        self._made: dict[str, Any] | None = None

    def get(self) -> dict[str, Any]:
        with self._making:
            if self._made is None:
                self._made = self._make()
            return self._made

    def _make(self) -> dict[str, Any]:
        document: dict[str, Any] = self._routes.describe(self._make_app()).api_doc
        for path, methods in document["paths"].items():
            for method, operation in methods.items():
                repeatable = method == "post" and path in self._routes.repeatable
                headers = [_ACTING, PARAMETER] if repeatable else [_ACTING]
                operation.setdefault("parameters", []).extend(headers)
        return document


def register(routes: Routes, make_app: Callable[[], OpenAPI]) -> None:
    """Add the document and the page; both are open, as they hold nothing of this installation."""
    document = Document(routes, make_app)

    def openapi_json() -> Response:
        return Response(json.dumps(document.get()), 200, content_type="application/json")

    def docs() -> Response:
        page = render_template_string(_PAGE, api=document.get(), style=_STYLE)
        return Response(
            page,
            200,
            [("Content-Security-Policy", _POLICY)],
            content_type="text/html; charset=utf-8",
        )

    routes.open("/openapi.json", openapi_json)
    routes.open("/docs", docs)
