"""Answers held against the API's own description."""

from __future__ import annotations

import re
from typing import Any

import httpx2
import jsonschema

from tests.connecting.home import Home


def strict(node: Any) -> Any:
    """Refuse members that a schema does not name."""
    if isinstance(node, list):
        return [strict(each) for each in node]
    if not isinstance(node, dict):
        return node
    made = {name: strict(value) for name, value in node.items()}
    if made.get("type") == "object" and "properties" in made:
        made["additionalProperties"] = False
    return made


def described(home: Home) -> Any:
    return httpx2.get(f"{home.url}/api/v1/openapi.json", trust_env=False).json()


def check(home: Home, method: str, target: str, answer: httpx2.Response) -> Any:
    """Look whether an answer is what the document promises, member for member; give its JSON."""
    document = described(home)
    path = f"/api/v1{target.partition('?')[0]}"
    found = [
        operation[method.lower()]
        for template, operation in document["paths"].items()
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path) and method.lower() in operation
    ]
    (operation,) = [each for each in found if len(found) == 1] or found[:1]
    responses = operation["responses"]
    status = str(answer.status_code)
    one = responses.get(status) or responses[f"{status[0]}XX"]
    (media,) = one["content"].items()
    assert answer.headers["content-type"].partition(";")[0] == media[0]
    schema = strict({**media[1]["schema"], "components": document["components"]})
    jsonschema.Draft202012Validator(schema).validate(answer.json())
    return answer.json()
