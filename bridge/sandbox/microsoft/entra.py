"""Entra ID's endpoints: tokens, device codes, metadata (RFC 6749, RFC 8628, OpenID Discovery)."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping

from bridge.sandbox.html import page
from bridge.sandbox.jwt import Key
from bridge.sandbox.messages import Page
from bridge.sandbox.microsoft import refusals, signing_in
from bridge.sandbox.microsoft.authorize import Authorize, check_audience
from bridge.sandbox.microsoft.directory import CONSUMERS, SHARED, Directory
from bridge.sandbox.microsoft.grants import ACCESS_LIFE, DEVICE_LIFE, Client, Device, Given, Grants
from bridge.sandbox.microsoft.mailbox import Mailbox
from bridge.sandbox.microsoft.refusals import EntraError
from bridge.sandbox.microsoft.times import Json
from bridge.sandbox.oauth import credentials

_DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
_GRAPH = "https://graph.microsoft.com/"
_ISSUER = "https://login.microsoftonline.com/{tenant}/v2.0"
"""A name, no address: it stays, wherever the stand-in listens."""


class Entra:
    """The server; its methods take parameters and return documents."""

    def __init__(self, directory: Directory, grants: Grants) -> None:
        self._directory = directory
        self._world = directory.world
        self._grants = grants
        self._key = Key("sandbox-entra-1")
        self.pages = Authorize(directory, grants)

    def metadata(self, tenant: str, root: str) -> Json:
        """Describe the endpoints under the name of a tenant.

        Raises:
            EntraError: there is none of that name.
        """
        if tenant in SHARED:
            issuer = CONSUMERS if tenant == "consumers" else "{tenantid}"
        else:
            issuer = self.pages.tenant(tenant).id
        base = f"{root}/{tenant}"
        return {
            "token_endpoint": f"{base}/oauth2/v2.0/token",
            "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
            "jwks_uri": f"{base}/discovery/v2.0/keys",
            "response_modes_supported": ["query", "fragment", "form_post"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "response_types_supported": ["code"],
            "scopes_supported": ["openid", "profile", "email", "offline_access"],
            "issuer": _ISSUER.format(tenant=issuer),
            "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
            "device_authorization_endpoint": f"{base}/oauth2/v2.0/devicecode",
            "claims_supported": ["sub", "iss", "aud", "exp", "iat", "nonce", "preferred_username",
                                 "name", "tid", "oid", "ver", "email"],
            "tenant_region_scope": None,
            "cloud_instance_name": "microsoftonline.com",
            "msgraph_host": "graph.microsoft.com",
        }  # fmt: skip

    def keys(self) -> Json:
        """Return the keys that sign ID tokens."""
        return {"keys": [self._key.jwk()]}

    def token(self, tenant: str, form: Mapping[str, str], authorization: str = "") -> Json:
        """Give tokens.

        Raises:
            EntraError: RFC 6749 section 5.2.
        """
        client = self._client(form, authorization)
        check_audience(client, self._directory.tenant(tenant), tenant)
        kind = form.get("grant_type")
        if kind == "client_credentials":
            return self._document(client, self._alone(client, tenant, form), form)
        people = self.pages.people(tenant)
        if kind == "authorization_code":
            given = self._grants.exchange(
                client,
                form.get("code", ""),
                form.get("redirect_uri", ""),
                form.get("code_verifier", ""),
            )
        elif kind == "refresh_token":
            scopes = tuple(form.get("scope", "").split())
            has_secret = bool(credentials(form, authorization)[1])
            token = form.get("refresh_token", "")
            given = self._grants.refresh(client, token, scopes, has_secret=has_secret)
        elif kind == _DEVICE:
            given = self._from_device(client, form.get("device_code", ""))
        else:
            raise refusals.refusal("grant_type")
        if given.user not in people:
            raise refusals.refusal("foreign_user")
        return self._document(client, given, form)

    def device(self, tenant: str, form: Mapping[str, str], root: str) -> Json:
        """Begin to sign in on another device.

        Raises:
            EntraError: the program may not do so.
        """
        client = self._grants.clients.get(form.get("client_id", ""))
        if client is None:
            raise refusals.refusal("unknown_client")
        if not client.is_public:
            raise refusals.refusal("not_public")
        check_audience(client, self._directory.tenant(tenant), tenant)
        self.pages.people(tenant)
        made = Device(
            self._world.token(80),
            self._world.token(9).upper(),
            client.id,
            tuple(form.get("scope", "").split()),
            self._world.now + DEVICE_LIFE,
        )
        self._grants.devices[made.code] = made
        address = f"{root}/devicelogin"
        return {
            "user_code": made.user_code,
            "device_code": made.code,
            "verification_uri": address,
            "expires_in": int(DEVICE_LIFE.total_seconds()),
            "interval": int(made.pause.total_seconds()),
            "message": f"To sign in, use a web browser to open {address} and enter the code "
            f"{made.user_code} to authenticate.",
        }

    def enter(self, code: str, form: Mapping[str, str] | None = None) -> Page:
        """Show the page where a device's code is entered, or take what was entered there."""
        people = self.pages.people("common")
        if form is None:
            return Page(signing_in.device(self._device_client(code), code, people))
        device = self._device(form.get("user_code", ""))
        user = self._directory.find(form.get("account", ""))
        if device is None:
            return Page(signing_in.device("", "", people), 400)
        if form.get("decision") != "allow":
            device.is_denied = True
            return Page(page("Cancelled", "<p>You can close this window.</p>"))
        if user is None:
            return Page(signing_in.device(self._device_client(code), code, people), 400)
        device.user = user.id
        client = self._grants.clients[device.client]
        self._grants.consent(user, client, {each.lower() for each in device.scopes})
        return Page(page("Signed in", "<p>You can close this window.</p>"))

    def refused(self, err: EntraError, correlation: str) -> Json:
        """Write the body of an error."""
        now, trace = self._world.now, self._directory.guid()
        made = {
            "error": err.error,
            "error_description": f"AADSTS{err.number}: {err.text} Trace ID: {trace} "
            f"Correlation ID: {correlation} Timestamp: {now:%Y-%m-%d %H:%M:%SZ}",
            "error_codes": [err.number],
            "timestamp": f"{now:%Y-%m-%d %H:%M:%SZ}",
            "trace_id": trace,
            "correlation_id": correlation,
            "error_uri": f"https://login.microsoftonline.com/error?code={err.number}",
        }
        return made | ({"suberror": err.suberror} if err.suberror else {})

    def _client(self, form: Mapping[str, str], authorization: str) -> Client:
        try:
            identity, secret = credentials(form, authorization)
        except ValueError:
            identity, secret = "", ""
        if not identity:
            raise refusals.refusal("request")
        client = self._grants.clients.get(identity)
        if client is None:
            raise refusals.refusal("unknown_client")
        if not secret:
            if client.is_public and form.get("grant_type") != "client_credentials":
                return client
            raise refusals.refusal("no_secret")
        if secret not in client.secrets:
            raise refusals.refusal("wrong_secret")
        ends = client.secrets[secret]
        if ends is not None and ends <= self._world.now:
            raise refusals.refusal("expired_secret")
        return client

    def _alone(self, client: Client, tenant: str, form: Mapping[str, str]) -> Given:
        if tenant in SHARED:
            raise refusals.refusal("no_tenant")
        there = self.pages.tenant(tenant)
        if not form.get("scope", "").endswith("/.default"):
            raise refusals.refusal("default_scope")
        if client.id not in there.consented:
            raise refusals.refusal("not_in_tenant")
        return self._grants.give_alone(client, there.id, there.consented[client.id])

    def _from_device(self, client: Client, code: str) -> Given:
        device = self._grants.devices.get(code)
        if device is None or device.client != client.id:
            raise refusals.refusal("code_malformed")
        if device.ends <= self._world.now:
            raise refusals.refusal("device_expired")
        if device.is_denied:
            raise refusals.refusal("device_declined")
        if not device.user:
            hasty = device.is_hasty(self._world.now)
            raise refusals.refusal("device_hasty" if hasty else "device_pending")
        del self._grants.devices[code]
        user = self._directory.mailboxes[device.user]
        return self._grants.give(client, user, device.scopes, is_public=True)

    def _device(self, user_code: str) -> Device | None:
        every = self._grants.devices.values()
        return next((each for each in every if each.user_code == user_code.strip().upper()), None)

    def _device_client(self, user_code: str) -> str:
        device = self._device(user_code)
        return self._grants.clients[device.client].name if device else ""

    def _document(self, client: Client, given: Given, form: Mapping[str, str]) -> Json:
        seconds = int(ACCESS_LIFE.total_seconds())
        document: Json = {
            "token_type": "Bearer",
            "expires_in": seconds,
            "ext_expires_in": seconds,
            "access_token": given.access,
        }
        user = given.user
        if user is None:
            return document
        if user.faults.happens("token_unavailable"):
            raise refusals.refusal("unavailable")
        document["scope"] = " ".join(_spelled(given.scopes, user))
        if given.refresh:
            document["refresh_token"] = given.refresh
        if "openid" in given.scopes:
            document["id_token"] = self._key.sign(self._claims(client, given, user))
        if form.get("client_info"):
            info = json.dumps({"uid": user.id, "utid": user.tenant}).encode()
            document["client_info"] = base64.urlsafe_b64encode(info).decode().rstrip("=")
        return document

    def _claims(self, client: Client, given: Given, user: Mailbox) -> Json:
        now = int(self._world.now.timestamp())
        claims: Json = {
            "aud": client.id,
            "iss": _ISSUER.format(tenant=user.tenant),
            "iat": now,
            "nbf": now,
            "exp": now + int(ACCESS_LIFE.total_seconds()),
            "name": user.name,
            "oid": user.id,
            "preferred_username": user.email,
            "sub": f"{user.id[:8]}-{client.id[:8]}",
            "tid": user.tenant,
            "ver": "2.0",
        }
        if "email" in given.scopes:
            claims["email"] = user.email
        return claims | ({"nonce": given.nonce} if given.nonce else {})


def _spelled(scopes: tuple[str, ...], user: Mailbox) -> list[str]:
    """Spell granted scopes as Entra answers them, which is not always as they were asked for."""
    named = [each for each in dict.fromkeys(scopes) if each != "offline_access"]
    if not user.faults.is_on("qualified_scopes"):
        return named
    identity = ("openid", "profile", "email")
    return [e if e in identity else f"{_GRAPH}{e.removeprefix(_GRAPH).lower()}" for e in named]
