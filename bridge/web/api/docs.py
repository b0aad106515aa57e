"""The API's description: OpenAPI 3.1, and a page made from it that loads nothing from anywhere."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

from flask import Response, render_template_string

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


def register(routes: Routes) -> None:
    """Add the document and the page; both are open, as they hold nothing of this installation."""

    def openapi_json() -> Response:
        return Response(json.dumps(_document(routes)), 200, content_type="application/json")

    def docs() -> Response:
        page = render_template_string(_PAGE, api=_document(routes), style=_STYLE)
        return Response(
            page,
            200,
            [("Content-Security-Policy", _POLICY)],
            content_type="text/html; charset=utf-8",
        )

    routes.open("/openapi.json", openapi_json)
    routes.open("/docs", docs)


def _document(routes: Routes) -> dict[str, Any]:
    document: dict[str, Any] = routes.app.api_doc
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            given = operation.setdefault("parameters", [])
            repeatable = method == "post" and path in routes.repeatable
            headers = [_ACTING, PARAMETER] if repeatable else [_ACTING]
            given += [each for each in headers if each not in given]
    return document
