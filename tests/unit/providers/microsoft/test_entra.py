"""What is sent to Entra ID, what is believed of its answers, and what its refusals mean."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from pydantic import SecretStr

from bridge.app.outlet import make_transport
from bridge.authorizer import DeviceCode, Grant
from bridge.errors import (
    AuthorizationExpired,
    ProviderError,
    RateLimited,
    RemoteRejected,
    TemporarilyUnavailable,
    UnreadableAnswer,
)
from bridge.model.http import Http, Response
from bridge.model.resource import Direction
from bridge.provider import Account
from bridge.providers.microsoft import CLOUDS, KIND, MicrosoftConnection, MicrosoftDefaults
from bridge.providers.microsoft.consent import MicrosoftConsent
from bridge.providers.microsoft.device import MicrosoftDevice
from tests.builders import make_settings
from tests.servers.origin import Answer, Origin, Request, half, html, redirect

CLIENT, SECRET = "0bc1d7e4-0000-4000-8000-000000000001", "CANARY-client-secret"
LOGIN = "https://login.microsoftonline.com"
METADATA = "/common/v2.0/.well-known/openid-configuration"
TOKEN, DEVICE = "/common/oauth2/v2.0/token", "/common/oauth2/v2.0/devicecode"
OLD = Grant(SecretStr(""), SecretStr("CANARY-refresh-1"), scopes=("Calendars.Read", "openid"))
GIVEN = {
    "token_type": "Bearer",
    "access_token": "CANARY-access-2",
    "refresh_token": "CANARY-refresh-2",
    "expires_in": 3599,
    "scope": "https://graph.microsoft.com/calendars.read openid",
    "id_token": "CANARY.id.token",
}


def written(document: object, status: int = 200, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(
        status, {"Content-Type": "application/json"} | named, json.dumps(document).encode()
    )


def refusal(error: str, number: int, description: str = "") -> Answer:
    text = description or f"AADSTS{number}: You sent CANARY-client-secret. Trace ID: 1"
    found = {"error": error, "error_description": text, "error_codes": [number]}
    return written(found, 400)


def metadata(root: str, tenant: str = "common") -> dict[str, str]:
    """What an authorization server says of itself, in its own addresses."""
    return {
        "issuer": "https://login.microsoftonline.com/{tenantid}/v2.0",
        "authorization_endpoint": f"{root}/{tenant}/oauth2/v2.0/authorize",
        "token_endpoint": f"{root}/{tenant}/oauth2/v2.0/token",
        "device_authorization_endpoint": f"{root}/{tenant}/oauth2/v2.0/devicecode",
    }


@dataclass
class Entra:
    """Answers at the token endpoint as a test says, and keeps what came."""

    origin: Origin
    answers: list[Answer] = field(default_factory=list)
    forms: list[dict[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        root = self.origin.url("")
        self.origin.routes[METADATA] = written(metadata(root))
        self.origin.routes[TOKEN] = self._answer
        self.origin.routes[DEVICE] = self._answer

    def _answer(self, request: Request) -> Answer:
        self.forms.append(dict(parse_qsl(request.body.decode())))
        return self.answers.pop(0) if self.answers else written(GIVEN)


@pytest.fixture
def entra() -> Iterator[Entra]:
    with Origin() as origin:
        yield Entra(origin)


@pytest.fixture(scope="module")
def http() -> Iterator[Http]:
    made = make_transport(make_settings(outbound={"allow_networks": ["127.0.0.1/32"]}).outbound)
    yield made
    made.close()


def asking(http: Http, url: str, **keys: Any) -> MicrosoftConsent:
    given = {"client_id": CLIENT, "client_secret": SECRET, "sandbox_url": url} | keys
    defaults = MicrosoftDefaults.model_validate(given)
    return MicrosoftConsent(http, defaults, defaults.wanted_scopes(Direction.INBOUND))


@pytest.fixture
def consent(http: Http, entra: Entra) -> MicrosoftConsent:
    return asking(http, entra.origin.url(""))


def test_a_refresh_asks_for_what_was_granted_and_gives_what_came(
    consent: MicrosoftConsent, entra: Entra
) -> None:
    fresh = consent.refresh(OLD)
    assert fresh.access_token.get_secret_value() == "CANARY-access-2"
    assert fresh.refresh_token == SecretStr("CANARY-refresh-2")
    assert fresh.lifetime == timedelta(seconds=3599)
    assert fresh.scopes == ("Calendars.Read", "openid")
    (form,) = entra.forms
    assert form["grant_type"] == "refresh_token"
    assert form["refresh_token"] == "CANARY-refresh-1"
    assert {*form["scope"].split()} == {"Calendars.Read", "openid", "offline_access", "profile"}
    assert (form["client_id"], form["client_secret"]) == (CLIENT, SECRET)
    assert "CANARY" not in repr(fresh)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (html(), UnreadableAnswer),
        (half(json.dumps(GIVEN).encode()), UnreadableAnswer),
        (written(["CANARY-access-2"]), UnreadableAnswer),
        (written({"token_type": "Bearer"}), UnreadableAnswer),
        (Answer(200, {}, b'{"access_token": "CANARY-access-2'), UnreadableAnswer),
        (redirect("https://evil.example/"), UnreadableAnswer),
        (Answer(502, {"Content-Type": "text/html"}, b"<h1>CANARY"), TemporarilyUnavailable),
        (written({"error": "temporarily_unavailable"}, 400), TemporarilyUnavailable),
        (written({"error": "server_error", "error_codes": [90033]}, 500), TemporarilyUnavailable),
        (Answer(403, {}, b"a proxy's page"), RemoteRejected),
    ],
    ids=["page", "half", "list", "nothing", "cut", "redirect", "502", "later", "500", "proxy"],
)
def test_nothing_but_a_whole_answer_is_believed_or_logged(
    consent: MicrosoftConsent,
    entra: Entra,
    caplog: pytest.LogCaptureFixture,
    answer: Answer,
    kind: type[ProviderError],
) -> None:
    caplog.set_level(logging.DEBUG)
    entra.answers = [answer]
    with pytest.raises(kind) as caught:
        consent.refresh(OLD)
    posted = [each for each in entra.origin.requests if each.method == "POST"]
    assert len(posted) == 1, "nobody else was sent what a redirect would send"
    assert "CANARY" not in f"{caplog.text}{caught.value}{caught.value.hint}"
    assert consent.refresh(OLD).access_token, "the library does not answer by itself afterwards"


def test_a_pause_that_is_asked_for_is_told(consent: MicrosoftConsent, entra: Entra) -> None:
    entra.answers = [written({"error": "slow"}, 429, Retry_After="17")]
    with pytest.raises(RateLimited) as caught:
        consent.refresh(OLD)
    assert caught.value.retry_after == timedelta(seconds=17)
    assert consent.refresh(OLD).access_token, "who waits is our scheduler"


@pytest.mark.parametrize(
    ("error", "number", "kind", "code"),
    [
        ("invalid_client", 7000215, RemoteRejected, "invalid_client"),
        ("invalid_client", 7000222, RemoteRejected, "client_secret_expired"),
        ("invalid_client", 7000218, RemoteRejected, "client_secret_missing"),
        ("unauthorized_client", 700016, RemoteRejected, "application_unknown"),
        ("unauthorized_client", 7000229, RemoteRejected, "application_not_in_tenant"),
        ("invalid_request", 50011, RemoteRejected, "redirect_uri_mismatch"),
        ("invalid_client", 500112, RemoteRejected, "redirect_uri_mismatch"),
        ("invalid_request", 90002, RemoteRejected, "tenant_unknown"),
        ("invalid_request", 50194, RemoteRejected, "tenant_required"),
        ("invalid_grant", 65001, AuthorizationExpired, "consent_required"),
        ("access_denied", 65004, RemoteRejected, "access_denied"),
        ("access_denied", 90094, RemoteRejected, "admin_consent_required"),
        ("invalid_grant", 53003, AuthorizationExpired, "conditional_access"),
        ("invalid_grant", 50076, AuthorizationExpired, "mfa_required"),
        ("interaction_required", 50079, AuthorizationExpired, "mfa_required"),
        ("invalid_grant", 50173, AuthorizationExpired, "password_changed"),
        ("invalid_grant", 70008, AuthorizationExpired, "token_expired"),
        ("invalid_grant", 700082, AuthorizationExpired, "token_expired"),
        ("access_denied", 50020, RemoteRejected, "account_not_in_tenant"),
        ("invalid_request", 500200, RemoteRejected, "personal_account"),
        ("invalid_grant", 50057, AuthorizationExpired, "account_disabled"),
        ("invalid_grant", 1234567, AuthorizationExpired, "token_expired"),
        ("interaction_required", 1234567, AuthorizationExpired, "token_expired"),
        ("unauthorized_client", 1234567, RemoteRejected, "invalid_client"),
        ("invalid_scope", 1234567, RemoteRejected, "oauth_error"),
        ("<script>", 1234567, RemoteRejected, "oauth_error"),
    ],
)
def test_each_refusal_says_what_is_wrong_and_what_to_do_and_quotes_nothing(
    consent: MicrosoftConsent,
    entra: Entra,
    error: str,
    number: int,
    kind: type[ProviderError],
    code: str,
) -> None:
    entra.answers = [refusal(error, number)]
    with pytest.raises(ProviderError) as caught:
        consent.refresh(OLD)
    said = caught.value
    assert (type(said), said.code) == (kind, code)
    assert f"(AADSTS{number})" in str(said)
    assert said.hint or code == "oauth_error"
    assert "CANARY" not in f"{said} {said.hint}"
    assert "<" not in str(said)


def test_the_number_is_found_where_the_answer_does_not_list_it(consent: MicrosoftConsent) -> None:
    """The consent page sends a browser back with a sentence."""
    text = "AADSTS90094: An administrator has to let CANARY in. Trace ID: 1"
    said = consent.refusal("access_denied", text)
    assert (said.code, "CANARY" in str(said)) == ("admin_consent_required", False)
    assert consent.refusal("access_denied", "").code == "access_denied"
    assert isinstance(consent.refusal("server_error", ""), TemporarilyUnavailable)


def test_where_a_secret_is_in_the_way_it_is_left_out(
    consent: MicrosoftConsent, entra: Entra
) -> None:
    """What a device was given, a public client has to refresh."""
    entra.answers = [refusal("invalid_client", 700025)]
    assert consent.refresh(OLD).access_token
    assert ["client_secret" in each for each in entra.forms] == [True, False]


def test_an_application_without_a_secret_sends_none(entra: Entra, http: Http) -> None:
    consent = asking(http, entra.origin.url(""), client_secret=None)
    assert consent.exchange("CANARY-code", "http://127.0.0.1/back", "v" * 52).access_token
    (form,) = entra.forms
    assert form["code_verifier"] == "v" * 52
    assert "client_secret" not in form


def test_what_an_application_brought_is_refreshed_in_its_name(
    consent: MicrosoftConsent, entra: Entra
) -> None:
    own = Grant(SecretStr(""), OLD.refresh_token, client_id="own", client_secret=SecretStr("s"))
    consent.refresh(own)
    public = Grant(SecretStr(""), OLD.refresh_token, client_id="public")
    consent.refresh(public)
    names = [(each["client_id"], each.get("client_secret")) for each in entra.forms]
    assert names == [("own", "s"), ("public", None)]


DEVICE_CODE = DeviceCode(
    SecretStr("CANARY-device"), "ABCD", "https://x/", timedelta(minutes=15), timedelta(seconds=5)
)


def test_a_device_is_asked_for_at_the_pace_that_the_server_sets(
    consent: MicrosoftConsent, entra: Entra
) -> None:
    device = MicrosoftDevice(consent)
    begun = {
        "user_code": "ABCD",
        "device_code": "CANARY-device",
        "verification_uri": f"{entra.origin.url('')}/devicelogin",
        "expires_in": "900",
        "interval": 7,
    }
    entra.answers = [
        written(begun),
        refusal("authorization_pending", 70016),
        refusal("slow_down", 70016),
        refusal("authorization_pending", 70016),
    ]
    code = device.begin()
    assert code.verification_uri == f"{entra.origin.url('')}/devicelogin"
    assert (code.user_code, code.lifetime) == ("ABCD", timedelta(minutes=15))
    pauses = []
    while isinstance(code, DeviceCode):
        pauses.append(code.interval.total_seconds())
        code = device.poll(code)  # type: ignore[assignment]
    assert pauses == [7, 7, 12, 12]
    assert isinstance(code, Grant)
    assert not any("client_secret" in each for each in entra.forms)
    assert "CANARY" not in repr(DEVICE_CODE)


@pytest.mark.parametrize(
    ("error", "number", "kind", "code"),
    [
        ("authorization_declined", 70016, RemoteRejected, "access_denied"),
        ("expired_token", 70020, AuthorizationExpired, "device_code_expired"),
        ("bad_verification_code", 70016, AuthorizationExpired, "device_code_expired"),
        ("invalid_client", 7000218, RemoteRejected, "device_not_allowed"),
        ("invalid_grant", 53003, AuthorizationExpired, "conditional_access"),
    ],
)
def test_how_a_device_is_refused_is_told_apart(
    consent: MicrosoftConsent,
    entra: Entra,
    error: str,
    number: int,
    kind: type[ProviderError],
    code: str,
) -> None:
    entra.answers = [refusal(error, number)]
    with pytest.raises(ProviderError) as caught:
        MicrosoftDevice(consent).poll(DEVICE_CODE)
    assert (type(caught.value), caught.value.code) == (kind, code)
    assert caught.value.hint


def test_what_is_permitted_is_told_whatever_it_is_called(consent: MicrosoftConsent) -> None:
    for enough in (
        ["Calendars.Read", "User.Read"],
        ["https://graph.microsoft.com/calendars.read", "https://graph.microsoft.com/user.read"],
        ["CALENDARS.READWRITE", "user.read", "openid"],
        ["https://microsoftgraph.chinacloudapi.cn/Calendars.ReadWrite.Shared", "User.Read.All"],
    ):
        assert consent.lacks(enough) == []
    assert consent.lacks(["User.Read"]) == ["read events"]
    assert consent.lacks(["Calendars.ReadBasic", "User.Read"]) == ["read events"]
    assert consent.lacks([]) == ["read events", "read whose account it is"]


class Recorded:
    """The way out, with a server behind it that knows every host."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.forms: list[dict[str, str]] = []

    def request(self, method: str, url: str, **given: Any) -> Response:
        self.asked.append(url)
        self.forms.append(dict(parse_qsl((given.get("content") or b"").decode())))
        parts = urlsplit(url)
        root, tenant = f"{parts.scheme}://{parts.netloc}", parts.path.split("/")[1]
        found = metadata(root, tenant) if method == "GET" else GIVEN
        return Response(200, {}, json.dumps(found).encode(), url)

    def services(self, name: str) -> list[Any]:
        raise AssertionError(name)

    texts = services


@pytest.mark.parametrize("cloud", CLOUDS)
def test_each_cloud_signs_in_at_its_own_host_and_is_asked_for_its_own_api(cloud: str) -> None:
    http, tenant = Recorded(), f"{cloud.replace('_', '-')}.example"
    consent = asking(http, "", cloud=cloud, tenant=tenant)
    login, graph = CLOUDS[cloud]
    url = urlsplit(consent.url("https://bridge.example/back", "state", "v" * 52, "ann@x.example"))
    query = dict(parse_qsl(url.query))
    assert f"{url.scheme}://{url.netloc}{url.path}" == f"{login}/{tenant}/oauth2/v2.0/authorize"
    assert query["login_hint"] == "ann@x.example"
    wanted = [each for each in query["scope"].split() if each.rpartition("/")[2][0].isupper()]
    prefix = "" if cloud == "global" else f"{graph}/"
    assert sorted(wanted) == [f"{prefix}Calendars.Read", f"{prefix}User.Read"]
    assert consent.lacks(wanted) == []
    assert consent.refresh(OLD).access_token
    assert consent.entra.alone().access_token
    assert http.asked == [
        f"{login}/{tenant}/v2.0/.well-known/openid-configuration",
        *[f"{login}/{tenant}/oauth2/v2.0/token"] * 2,
    ], "nobody else, and once"
    assert consent.is_issuer(f"{login}/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0")
    assert not consent.is_issuer(f"{login}.evil.example/common/v2.0")


def test_what_was_granted_is_asked_for_again_of_the_api_of_the_cloud() -> None:
    """Two clouds share the host where people sign in, and a bare name is one's alone."""
    http = Recorded()
    assert asking(http, "", cloud="us_government_dod").refresh(OLD).access_token
    graph = CLOUDS["us_government_dod"].graph_url
    assert f"{graph}/Calendars.Read" in http.forms[-1]["scope"].split()


def test_a_document_that_names_another_host_takes_nothing_there(
    consent: MicrosoftConsent, entra: Entra
) -> None:
    entra.origin.routes[METADATA] = written(metadata("https://login.elsewhere.example"))
    with pytest.raises(RemoteRejected) as refused:
        consent.refresh(OLD)
    assert "cloud" in refused.value.hint
    assert entra.forms == []


def test_a_stand_in_is_asked_in_the_place_of_every_host_and_shown_to_the_browser(
    entra: Entra, consent: MicrosoftConsent
) -> None:
    url = consent.url("https://bridge.example/back", "state", "v" * 52)
    assert url.startswith(f"{entra.origin.url('')}/common/oauth2/v2.0/authorize?")
    assert LOGIN not in url
    assert consent.defaults.api_url == f"{entra.origin.url('')}/v1.0"


def test_a_scope_that_says_whose_account_it_is_is_always_asked_for() -> None:
    named = MicrosoftDefaults.model_validate({"scopes": ["Calendars.Read.Shared"]})
    assert named.wanted_scopes(Direction.BOTH) == ("Calendars.Read.Shared", "User.Read")
    own = MicrosoftDefaults.model_validate({"scopes": ["OnlineMeetings.ReadWrite", "user.read"]})
    assert own.wanted_scopes(Direction.BOTH) == ("OnlineMeetings.ReadWrite", "user.read")


def test_without_an_application_nobody_is_asked(entra: Entra, http: Http) -> None:
    consent = asking(http, entra.origin.url(""), client_id="")
    assert not consent.is_registered
    for ask in (lambda: consent.url("x", "y", "z"), MicrosoftDevice(consent).begin):
        with pytest.raises(RemoteRejected, match="names no client_id") as caught:
            ask()
        assert caught.value.code == "invalid_config"
    assert entra.origin.accepts == 0


def test_the_library_is_not_loaded_before_it_is_needed() -> None:
    program = (
        "import sys; from bridge.registry import KINDS; from bridge.provider import Account\n"
        "kind = KINDS['microsoft']; made = kind.provider_settings(client_id='x')\n"
        "account = Account('a', kind.connection_settings(), made, None)\n"
        "kind.authorizer(account).is_registered; kind.open(account)\n"
        "print(*{'msal', 'requests'} & set(sys.modules))"
    )
    told = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=120
    )
    assert told.stdout.strip() == ""


def test_a_section_of_another_kind_is_a_mistake_of_ours(http: Http) -> None:
    account = Account("room-a.work", MicrosoftConnection(), MicrosoftConnection(), http)
    assert KIND.authorizer is not None
    with pytest.raises(TypeError):
        KIND.authorizer(account)
