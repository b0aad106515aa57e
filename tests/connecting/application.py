"""An application of somebody else, which has its own consent from owners of accounts."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode

import httpx2

from bridge.model.resource import Direction
from bridge.providers.google import GoogleDefaults
from bridge.sandbox.google.grants import Client
from tests.connecting.home import APP, Provider
from tests.connecting.owner import ANN, Browser, asked

SCOPE = "https://www.googleapis.com/auth"
READING = GoogleDefaults().wanted_scopes(Direction.BOTH)
OWN = Client("own.apps.example.com", "CANARY-own-secret", (APP,))
VERIFIER = "CANARY-verifier-of-43-letters-at-the-very-least"


def consent(
    google: Provider,
    client_id: str,
    account: str = ANN,
    scopes: tuple[str, ...] = READING,
    verifier: str = "",
) -> str:
    """Have an owner agree; return the code that came to the application."""
    query = {
        "client_id": client_id,
        "redirect_uri": APP,
        "response_type": "code",
        "scope": " ".join(scopes),
        "access_type": "offline",
        "prompt": "consent",
    }
    if verifier:
        digest = sha256(verifier.encode()).digest()
        query["code_challenge"] = urlsafe_b64encode(digest).decode().rstrip("=")
        query["code_challenge_method"] = "S256"
    url = f"{google.sandbox.url}/o/oauth2/v2/auth?{urlencode(query)}"
    return asked(Browser().consent(url, account))["code"]


def tokens(google: Provider, account: str = ANN, scopes: tuple[str, ...] = READING) -> Any:
    """Get what an application of its own gets."""
    google.sandbox.google.add_client(OWN)
    form = {
        "grant_type": "authorization_code",
        "code": consent(google, OWN.id, account, scopes),
        "redirect_uri": APP,
        "client_id": OWN.id,
        "client_secret": OWN.secret,
    }
    answer = httpx2.post(f"{google.sandbox.url}/token", data=form, trust_env=False)
    assert answer.status_code == 200, answer.text
    google.calls.clear()
    return answer.json()
