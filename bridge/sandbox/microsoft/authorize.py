"""The authorize and admin consent pages: from a program's wish to a code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit, urlunsplit

from bridge.sandbox.messages import Page
from bridge.sandbox.microsoft import refusals, signing_in
from bridge.sandbox.microsoft.directory import CONSUMERS, Directory, Tenant
from bridge.sandbox.microsoft.grants import Client, Grants, short
from bridge.sandbox.microsoft.mailbox import Mailbox
from bridge.sandbox.microsoft.refusals import EntraError
from bridge.sandbox.oauth import Asked, with_query

_MODES = ("query", "fragment", "form_post")


@dataclass(frozen=True, slots=True)
class Wish:
    """A valid request to sign somebody in."""

    client: Client
    asked: Asked
    people: tuple[Mailbox, ...]
    """Who may sign in at this address."""
    state: str
    hint: str
    mode: str
    is_silent: bool
    """prompt=none."""


class Authorize:
    """The pages; guarded by the world's lock."""

    def __init__(self, directory: Directory, grants: Grants) -> None:
        self._directory = directory
        self._grants = grants

    def ask(self, tenant: str, query: Mapping[str, str]) -> Page:
        """Show whom to sign in, and what is asked for."""
        wish = self._wish(tenant, query)
        if isinstance(wish, Page):
            return wish
        if not wish.is_silent:
            scopes = wish.asked.scopes
            return Page(signing_in.form(wish.client.name, wish.people, wish.hint, scopes))
        user = next((b for b in wish.people if b.email.lower() == wish.hint.lower()), None)
        if user is None or not self._grants.of(user, wish.client):
            return _failed(wish, "login_required")
        if not self._grants.allows(user, wish.client, wish.asked.scopes):
            return _failed(wish, "interaction_required")
        return _answered(wish, code=self._grants.code(wish.asked, user))

    def decide(self, tenant: str, query: Mapping[str, str], form: Mapping[str, str]) -> Page:
        """Take what was chosen on the page."""
        wish = self._wish(tenant, query)
        if isinstance(wish, Page):
            return wish
        decision = form.get("decision")
        if decision not in ("allow", "admin"):
            return _failed(wish, "declined")
        user = self._directory.find(form.get("account", ""))
        if user is None or user not in wish.people:
            return _shown("foreign_user")
        if user.faults.happens("conditional_access"):
            return _shown("conditional_access", "You cannot access this right now")
        there = self._directory.tenants[user.tenant]
        wanted = {each.lower() for each in short(wish.asked.scopes)}
        if decision == "admin":
            there.consented.setdefault(wish.client.id, set()).update(wanted)
        elif not there.may_consent and not wanted <= there.consented.get(wish.client.id, set()):
            back = _failed(wish, "admin_consent").location
            return Page(signing_in.approval(wish.client.name, user.email, back))
        self._grants.consent(user, wish.client, wanted)
        # Who signs in anew does so with everything that is asked for.
        user.faults.switch("mfa_required", value=False)
        return _answered(wish, code=self._grants.code(wish.asked, user))

    def admin(self, tenant: str, query: Mapping[str, str], form: Mapping[str, str] | None) -> Page:
        """Let an administrator allow a program for everybody; `form` is what was chosen."""
        client = self._grants.clients.get(query.get("client_id", ""))
        there = self._directory.tenant(tenant)
        redirect_uri = query.get("redirect_uri", "")
        if client is None:
            return _shown("unknown_client")
        if not client.takes(redirect_uri):
            return _shown("redirect")
        if there is None or there.id == CONSUMERS:
            return _shown("wrong_tenant")
        scopes = [s for s in short(query.get("scope", "").split()) if s != ".default"]
        wanted = sorted({*(each.lower() for each in scopes), *client.permissions})
        if form is None:
            return Page(signing_in.consent(client.name, there.name, wanted))
        state = {"state": query["state"]} if "state" in query else {}
        if form.get("decision") != "allow":
            err = refusals.refusal("declined")
            fields = {"error": err.error, "error_description": f"AADSTS{err.number}: {err.text}"}
            return Page("", 302, _with(redirect_uri, {**fields, **state}))
        there.consented.setdefault(client.id, set()).update(wanted)
        fields = {"admin_consent": "True", "tenant": there.id}
        return Page("", 302, _with(redirect_uri, {**fields, **state}))

    def people(self, tenant: str) -> tuple[Mailbox, ...]:
        """Tell who may sign in under the name of a tenant, or of several.

        Raises:
            EntraError: there is none of that name.
        """
        every = [each for each in self._directory.mailboxes.values() if not each.is_room]
        if tenant == "common":
            return tuple(every)
        if tenant == "organizations":
            return tuple(each for each in every if not each.is_personal)
        return tuple(each for each in every if each.tenant == self.tenant(tenant).id)

    def tenant(self, name: str) -> Tenant:
        """Find a tenant.

        Raises:
            EntraError: there is none of that name.
        """
        found = self._directory.tenant(name)
        if found is None:
            raise refusals.refusal("wrong_tenant")
        return found

    def _wish(self, tenant: str, query: Mapping[str, str]) -> Wish | Page:
        client = self._grants.clients.get(query.get("client_id", ""))
        redirect_uri = query.get("redirect_uri", "")
        if client is None:
            return _shown("unknown_client")
        if not client.takes(redirect_uri):
            # Never a redirect: the address may be anybody's.
            return _shown("redirect")
        try:
            check_audience(client, self._directory.tenant(tenant), tenant)
            people = self.people(tenant)
        except EntraError as err:
            return _shown(err.name)
        scopes = tuple(dict.fromkeys(query.get("scope", "").split()))
        asked = Asked(
            client.id,
            redirect_uri,
            scopes,
            query.get("code_challenge", ""),
            query.get("code_challenge_method", "plain"),
            query.get("nonce", ""),
        )
        prompts = query.get("prompt", "").split()
        wish = Wish(
            client,
            asked,
            people,
            query.get("state", ""),
            query.get("login_hint", ""),
            query.get("response_mode", "query"),
            "none" in prompts,
        )
        wrong = _mistake(query, wish)
        return _failed(wish, wrong) if wrong else wish


def check_audience(client: Client, tenant: Tenant | None, name: str) -> None:
    """Keep programs of one tenant out of the others.

    Raises:
        EntraError: it is not for the tenant of that name.
    """
    if not client.tenant:
        return
    if name in ("common", "organizations", "consumers"):
        raise refusals.refusal("single_tenant")
    if tenant is not None and tenant.id != client.tenant:
        raise refusals.refusal("unknown_client")


def _mistake(query: Mapping[str, str], wish: Wish) -> str:
    if query.get("response_type") != "code":
        return "response_type"
    if not wish.asked.scopes or wish.mode not in _MODES:
        return "request"
    if wish.asked.method not in ("S256", "plain"):
        return "request"
    if not signing_in.SCOPES.keys() >= {each.lower() for each in short(wish.asked.scopes)}:
        return "unknown_scope"
    return ""


def _shown(name: str, title: str = "Sorry, but we're having trouble signing you in.") -> Page:
    err = refusals.refusal(name)
    return Page(signing_in.refused(title, err.number, err.text), 400)


def _failed(wish: Wish, name: str) -> Page:
    err = refusals.refusal(name)
    fields = {"error": err.error, "error_description": f"AADSTS{err.number}: {err.text}"}
    return _answered(wish, **fields)


def _answered(wish: Wish, **fields: str) -> Page:
    if wish.state:
        fields["state"] = wish.state
    target = wish.asked.redirect_uri
    if wish.mode == "form_post":
        return Page(signing_in.posting(target, fields))
    return Page("", 302, _with(target, fields, is_fragment=wish.mode == "fragment"))


def _with(target: str, fields: Mapping[str, str], *, is_fragment: bool = False) -> str:
    if is_fragment:
        return urlunsplit(urlsplit(target)._replace(fragment=urlencode(fields)))
    return with_query(target, fields)
