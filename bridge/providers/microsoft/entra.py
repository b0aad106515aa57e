"""Entra ID by MSAL, Microsoft's own library, over our `Http`.

MSAL speaks the protocol and keeps nothing: an application of its lives for one request. Its token
cache would hold the tokens of every owner in the memory of each process, or in a file that none of
the others knows of; `bridge.tokens` keeps them encrypted in the store, has one process refresh at
a time, and stores a rotated token before it is used. So there is no `SerializableTokenCache`.

What lives longer are the metadata of tenants, which are the same for everybody.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import Lock
from time import monotonic
from typing import Any
from urllib.parse import urlencode

from bridge.authorizer import Grant
from bridge.errors import RemoteRejected, TemporarilyUnavailable
from bridge.model.http import Http, Response
from bridge.oauth import NOT_NOW, TIMEOUT, application_of, check, granted, unreadable, unregistered
from bridge.providers.microsoft import aadsts
from bridge.providers.microsoft.settings import MicrosoftDefaults
from bridge.transport import raise_for_status

# At DEBUG it writes what it sends and gets, codes and all.
logging.getLogger("msal").setLevel(logging.WARNING)

_MAX_SIZE = 256 << 10
_LIFE = 86400.0
"""Seconds for which a tenant's metadata are good; MSAL takes a day, too."""
_MOST_TENANTS = 100
TITLE = "Microsoft"
_WHAT = "Microsoft's sign-in"


class _Metadata:
    """What is known of tenants: the text of each discovery document, by its address."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._known: dict[str, tuple[float, str]] = {}

    def get(self, url: str, ask: Callable[[], str]) -> str:
        """Give what is known, or ask; a refusal is not kept."""
        with self._lock:
            ends, text = self._known.get(url, (0.0, ""))
        if monotonic() < ends:
            return text
        text = ask()
        with self._lock:
            if len(self._known) >= _MOST_TENANTS:
                self._known.clear()
            self._known[url] = (monotonic() + _LIFE, text)
        return text


_METADATA = _Metadata()


@dataclass(frozen=True, slots=True)
class Entra:
    """The authorization server of one cloud, for one registered application."""

    http: Http
    defaults: MicrosoftDefaults

    def application(self, grant: Grant | None = None, *, public: bool = False) -> Any:
        """Make what MSAL speaks to a tenant with, for one request.

        Args:
            grant: what may have been given to another application than the one of the settings.
            public: as one that has no secret.

        Raises:
            RemoteRejected: the settings name no application, or a tenant that there is not.
            ProviderError: the tenant's metadata could not be had.
        """
        # It takes a good part of a second, and few commands need it.
        import msal

        client_id, secret = application_of(
            grant, self.defaults.client_id, self.defaults.client_secret
        )
        if not client_id:
            raise unregistered("providers.microsoft", TITLE)
        secret = None if public else secret
        kind = msal.ConfidentialClientApplication if secret else msal.PublicClientApplication
        # Nothing may come from the environment: a region would be another host.
        more = {"azure_region": False} if secret else {}
        return kind(
            client_id,
            client_credential=secret.get_secret_value() if secret else None,
            authority=f"{self.defaults.login_url}/{self.defaults.tenant}",
            http_client=_Wire(self.http, self),
            # Whether the host is Microsoft's: it is one of our own table.
            instance_discovery=False,
            **more,
        )

    def shown(self, url: str) -> str:
        """Give the address for a browser: a stand-in is on loopback, whatever its documents say."""
        return self._swapped(url, self.defaults.login_url, self.defaults.sandbox_url)

    def is_ours(self, url: str) -> bool:
        """Tell whether an address is of the host where people sign in, or of its stand-in."""
        return url.startswith(f"{self.defaults.sandbox_url or self.defaults.login_url}/")

    def named(self, text: str) -> str:
        """Undo `shown` in what a stand-in says: MSAL takes addresses of https alone."""
        here = self.defaults.sandbox_url
        return text.replace(here, self.defaults.login_url) if here else text

    def granted(self, answer: Mapping[str, Any]) -> Grant:
        """Read what MSAL gives.

        Raises:
            ProviderError: it is an error of Entra.
            UnreadableAnswer: it is neither.
        """
        if "error" in answer:
            raise aadsts.meaning(answer)
        return granted(answer, TITLE)

    def alone(self) -> Grant:
        """Ask for an access token of the application's own: an administrator let it in.

        https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow

        Raises:
            ProviderError: it may not, or not now.
        """
        everything = [f"{self.defaults.graph_url}/.default"]
        return self.granted(self.application().acquire_token_for_client(everything))

    def _swapped(self, url: str, old: str, new: str) -> str:
        return new + url.removeprefix(old) if new and url.startswith(f"{old}/") else url


@dataclass(frozen=True, slots=True)
class _Answer:
    """What MSAL asks of an answer of `requests`; what is worth an exception was raised before."""

    status_code: int
    text: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)
    """None: MSAL would answer by itself for as long as Retry-After says, and our callers wait."""

    def raise_for_status(self) -> None: ...


@dataclass(frozen=True, slots=True)
class _Wire:
    """What MSAL asks of a session of `requests`, over `Http`."""

    http: Http
    entra: Entra

    def get(
        self,
        url: str,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        **_: object,
    ) -> _Answer:
        asked = self.entra.shown(f"{url}?{urlencode(params)}" if params else url)

        def ask() -> str:
            response = self._send("GET", asked, headers or {}, None)
            document = _document(response)
            if response.status != 200:
                raise aadsts.meaning(document)
            return response.body.decode()

        return _Answer(200, self.entra.named(_METADATA.get(asked, ask)))

    def post(
        self,
        url: str,
        params: Mapping[str, str] | None = None,
        data: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        **_: object,
    ) -> _Answer:
        asked = self.entra.shown(f"{url}?{urlencode(params)}" if params else url)
        fields = {**(headers or {}), "Content-Type": "application/x-www-form-urlencoded"}
        response = self._send("POST", asked, fields, urlencode(data or {}).encode())
        # MSAL holds the nonce in an ID token against its own. Nothing is believed of one here:
        # whose account it is the API says, and the verifier proves who asked (RFC 9700 section
        # 2.1.1), also where the question was another application's.
        kept = {name: it for name, it in _document(response).items() if name != "id_token"}
        return _Answer(response.status, self.entra.named(json.dumps(kept)))

    def close(self) -> None:
        """See `requests`; `Http` is not ours to close."""

    def _send(
        self, method: str, url: str, headers: Mapping[str, str], content: bytes | None
    ) -> Response:
        if not self.entra.is_ours(url):
            raise RemoteRejected(
                f"{_WHAT} sends us to another host, which is told nothing",
                code="invalid_config",
                hint="check cloud and tenant of providers.microsoft: they may be of two clouds",
            )
        response = self.http.request(
            method,
            url,
            headers=headers,
            content=content,
            timeout=TIMEOUT,
            max_size=_MAX_SIZE,
            follow=False,  # the body holds a client secret and a token
        )
        if response.status >= 500 or response.status == 429:
            raise_for_status(response, what=_WHAT)
        return response


def _document(response: Response) -> Mapping[str, Any]:
    """Read an answer before MSAL does, which would log one that it cannot read.

    Raises:
        ProviderError: it is neither an answer nor an error of RFC 6749.
    """
    check(response, _WHAT)
    try:
        document = json.loads(response.body)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise unreadable(TITLE)
    if document.get("error") in NOT_NOW:
        raise TemporarilyUnavailable(str(aadsts.meaning(document)))
    return document
