"""The door: routing, clean environs, limits, safe headers, and an answer for every trouble."""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pytest

from bridge.config.checks import RESERVED
from bridge.model.resource import ConnectionId, ConnectionStatus
from bridge.store import alerts, connections
from bridge.store.alerts import AlertRow
from bridge.store.database import Database
from bridge.web import dispatcher
from tests.web.site import Response, Site, StillTime, site_settings

PROPFIND = {"Content-Type": "application/xml"}


EVENT = (
    b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:x\r\n"
    b"DTSTAMP:20261120T000000Z\r\nDTSTART:20261120T000000Z\r\n%s\r\n"
    b"END:VEVENT\r\nEND:VCALENDAR\r\n"
)


class Dav:
    """Stands where CalDAV will: says what it was given, and answers what it is told to."""

    def __init__(self) -> None:
        self.environs: list[dict[str, Any]] = []
        self.bodies: list[bytes] = []
        self.headers: list[tuple[str, str]] = []

    def __call__(self, environ, start_response):
        self.environs.append(dict(environ))
        self.bodies.append(environ["wsgi.input"].read())
        start_response("207 Multi-Status", [("Content-Type", "text/xml"), *self.headers])
        return [b"<dav/>"]


@pytest.fixture
def dav() -> Dav:
    return Dav()


@pytest.fixture
def mounted(sqlite_database: Database, dav: Dav) -> Iterator[Site]:
    with Site(sqlite_database, site_settings(), dav=dav) as served:
        yield served


# Routing


def test_reserved_segments_never_reach_caldav(mounted: Site, dav: Dav) -> None:
    for segment in sorted(RESERVED | {".git", ".env", ".well-known"}):
        for path in (f"/{segment}", f"/{segment}/x"):
            mounted.get(path)
            mounted.get(path, "PROPFIND")
    assert dav.environs == []


def test_everything_else_belongs_to_caldav(mounted: Site, dav: Dav) -> None:
    paths = ["/", "/alice/", "/alice/busy/x.ics", "/APIs/", "/feeds-of-alice/"]
    for path in paths:
        assert mounted.get(path, "PROPFIND").body == b"<dav/>"
    assert [environ["PATH_INFO"] for environ in dav.environs] == paths


def test_a_browser_is_told_what_this_is_and_where_to_go(mounted: Site, dav: Dav) -> None:
    visit = {"Accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"}
    answer = mounted.get("/", **visit)
    assert (answer.status, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    page = answer.body.decode()
    assert "CalDAV" in page
    for link in re.findall(r'href="([^"]+)"', page):
        assert mounted.get(link, **visit).status in (200, 503), link
    assert 'href="/api/v1/docs"' in page
    assert mounted.get("/", "HEAD", **visit).body == b""
    assert dav.environs == []


def test_the_page_for_browsers_is_in_no_calendar_program_s_way(mounted: Site) -> None:
    """RFC 6764: they find their calendars from the root, with a login."""
    visit = {"Accept": "text/html, */*"}
    login = visit | {"Authorization": "Basic YWxpY2U6c2VjcmV0"}
    for method, path, headers in (
        ("PROPFIND", "/", visit),
        ("OPTIONS", "/", visit),
        ("GET", "/", login),
        ("GET", "/", {"Accept": "*/*"}),
        ("GET", "/", {}),
        ("GET", "/alice/", visit),
    ):
        assert mounted.get(path, method, **headers).body == b"<dav/>", (method, headers)


def test_without_caldav_there_is_nothing_there(site: Site) -> None:
    for path in ("/", "/alice/", "/.well-known/caldav", "/ui/", "/oauth/google/callback"):
        answer = site.get(path)
        assert (answer.status, answer.json["code"]) == (404, "not_found")


def test_well_known_caldav_leads_to_the_root(mounted: Site) -> None:
    for method in ("GET", "PROPFIND"):
        answer = mounted.get("/.well-known/caldav", method)
        assert (answer.status, answer.headers["location"]) == (301, "/")
    assert mounted.get("/.well-known/carddav").status == 404


# What goes in


def test_an_application_gets_an_environ_made_from_the_request_alone(
    mounted: Site, dav: Dav, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BUSYBRIDGE_CANARY", "secret of the process")
    outer: dict[str, Any] = {
        "BUSYBRIDGE_CANARY": "secret of the process",
        "REMOTE_USER": "admin",
        "SCRIPT_NAME": "/elsewhere",
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/alice/x.txt",
        "REMOTE_ADDR": "192.0.2.1",
        "CONTENT_LENGTH": "3",
        "CONTENT_TYPE": "text/plain",
        "HTTP_IF_MATCH": '"1"',
        "wsgi.input": BytesIO(b"abcdef"),
        "server.secret": "x",
    }
    list(mounted.wsgi(outer, lambda *_: print))
    (environ,) = dav.environs
    assert "secret of the process" not in repr(environ)
    assert environ["SCRIPT_NAME"] == ""
    assert "REMOTE_USER" not in environ
    assert "server.secret" not in environ
    assert environ["HTTP_IF_MATCH"] == '"1"'
    assert environ["SERVER_PROTOCOL"] == "HTTP/1.1"
    assert dav.bodies == [b"abc"]


@pytest.mark.covers("T58")
def test_headers_that_choose_a_login_a_path_or_a_method_go_no_further(
    mounted: Site, dav: Dav
) -> None:
    spoofed = {
        "X-Remote-User": "admin",
        "Remote-User": "admin",
        "X-Forwarded-For": "203.0.113.5",
        "X-Forwarded-User": "admin",
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Proto": "https",
        "Forwarded": "for=203.0.113.5",
        "X-Script-Name": "/evil",
        "X-HTTP-Method-Override": "DELETE",
        "X-Original-URL": "/evil",
        "Proxy": "http://evil.example",
    }
    mounted.get("/alice/", "PROPFIND", **spoofed)
    (environ,) = dav.environs
    assert environ["REMOTE_ADDR"] == "127.0.0.1"
    assert environ["wsgi.url_scheme"] == "http"
    assert environ["REQUEST_METHOD"] == "PROPFIND"
    assert not {"evil", "admin", "203.0.113.5"} & set(json.dumps(environ, default=str).split('"'))
    assert not [name for name in environ if "FORWARDED" in name or "REMOTE_USER" in name]


@pytest.mark.covers("T58")
def test_a_trusted_proxy_names_the_client(sqlite_database: Database, dav: Dav) -> None:
    settings = site_settings(server={"trusted_proxies": ["127.0.0.1/32"]})
    with Site(sqlite_database, settings, dav=dav) as site:
        site.get("/alice/", "PROPFIND", X_Forwarded_For="203.0.113.5", X_Forwarded_Proto="https")
    (environ,) = dav.environs
    assert environ["REMOTE_ADDR"] == "203.0.113.5"
    assert environ["wsgi.url_scheme"] == "https"


# The guard, over HTTP


@pytest.mark.covers("T17", "T18", "T19", "A-34")
@pytest.mark.parametrize(
    "body",
    [
        b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>',
        b"<!DOCTYPE a ["
        + b'<!ENTITY x0 "lol">'
        + b"".join(b'<!ENTITY x%d "%s">' % (n, b"&x%d;" % (n - 1) * 10) for n in range(1, 10))
        + b"]><a>&x9;</a>",
        b"<a>" * 100_000,
        b"<a>\xff</a>",
    ],
)
def test_hostile_xml_is_400_within_50_ms_of_work_and_reaches_nobody(
    mounted: Site, dav: Dav, body: bytes
) -> None:
    mounted.get("/alice/", "PROPFIND", b"<a/>", **PROPFIND)
    dav.environs.clear()
    for method in ("PROPFIND", "REPORT", "PROPPATCH", "MKCALENDAR"):
        started = time.process_time()
        answer = mounted.get("/alice/busy/", method, body, **PROPFIND)
        spent = time.process_time() - started
        assert answer.status == 400
        assert b"root:" not in answer.body
        assert spent < 0.05
    assert dav.environs == []


@pytest.mark.covers("T22")
@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"BEGIN:VCALENDAR\r\n" + b"X" * 1_040_000 + b"\r\nEND:VCALENDAR\r\n", 403),
        (b"BEGIN:VCALENDAR\r\n" + b"BEGIN:VEVENT\r\nEND:VEVENT\r\n" * 20_000, 403),
        (b"BEGIN:VEVENT\r\n" * 1000, 403),
        (EVENT % (b"ATTACH;ENCODING=BASE64;VALUE=BINARY:" + b"A" * 500_000), 403),
        (EVENT % (b"DESCRIPTION:x" + b"\r\n x" * 200_000), 403),
        (b"\x00" * 1000, 403),
        (b"x" * ((1 << 20) + 1), 413),
    ],
)
def test_hostile_calendar_bodies_are_refused_within_200_ms_of_work(
    mounted: Site, dav: Dav, body: bytes, status: int
) -> None:
    started = time.process_time()
    answer = mounted.get("/alice/bookings/x.ics", "PUT", body)
    assert time.process_time() - started < 0.2
    assert answer.status == status
    assert dav.environs == []


def test_a_body_far_too_large_is_413_before_it_is_read(mounted: Site) -> None:
    head = b"PUT /alice/x.ics HTTP/1.1\r\nHost: x\r\nContent-Length: 3000000000\r\n\r\n"
    assert mounted.raw(head, whole=False).startswith(b"HTTP/1.1 413 ")


def test_a_refusal_of_caldav_names_its_precondition(mounted: Site) -> None:
    answer = mounted.get("/alice/", "PROPFIND", b"", Depth="infinity")
    assert answer.status == 403
    assert b"<D:propfind-finite-depth/>" in answer.body
    answer = mounted.get("/alice/bookings/x.ics", "PUT", b"<html>")
    assert answer.status == 403
    assert b"<C:" in answer.body


@pytest.mark.parametrize(
    "path",
    [
        "/alice/%2e%2e/bob/",
        "/alice/..%2f..%2fetc/passwd",
        "/alice/%5c..%5cbob",
        "/alice/%00",
        "/alice/%0d%0aSet-Cookie:%20x",
        "/alice/%ff",
        "/alice/%ed%a0%80",
        "/" + "x" * 300,
        "/feeds/%ff/room-a.ics",
        "/freebusy/%00",
        "/api/%ff",
    ],
)
def test_hostile_paths_are_4xx_wherever_they_lead(mounted: Site, dav: Dav, path: str) -> None:
    for method in ("GET", "PROPFIND"):
        assert mounted.get(path, method).status in {400, 414}
    assert dav.environs == []


@pytest.mark.parametrize("value", ["Basic abc", "Basic \xff", "Bearer", "Bearer a b", "Basic Og"])
def test_malformed_credentials_are_400_everywhere(mounted: Site, dav: Dav, value: str) -> None:
    for path in ("/alice/", "/freebusy/room-a", "/api/v1/resources/room-a/busy", "/nothing"):
        assert mounted.get(path, Authorization=value).status in {400, 401}
    assert dav.environs == []


# Limits


def test_a_client_that_asks_too_often_is_told_when_to_come_back(
    sqlite_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatcher, "time", StillTime())
    settings = site_settings(
        server={
            "rate_limit": {"per_client": "5/min"},
            "trusted_proxies": ["127.0.0.1/32"],
        }
    )
    with Site(sqlite_database, settings) as site:
        answers = [site.get("/freebusy/room-b") for _ in range(7)]
        assert [answer.status for answer in answers] == [200] * 5 + [429] * 2
        assert 1 <= int(answers[-1].headers["retry-after"]) <= 12
        assert answers[-1].json["code"] == "rate_limited"
        assert site.get("/freebusy/room-b", X_Forwarded_For="203.0.113.5").status == 200
        assert [site.get("/healthz").status for _ in range(10)] == [200] * 10


# What comes out


@pytest.mark.covers("T27")
def test_no_answer_of_an_application_can_add_a_header(mounted: Site, dav: Dav) -> None:
    dav.headers = [
        ("ETag", '"a"\r\nSet-Cookie: evil=1'),
        ("Location", "/x\r\n\r\n<script>"),
        ("X-Name\r\nSet-Cookie", "evil=2"),
        ("X-Text", "caf\u00e9 \u2603\x00\x1b"),
    ]
    raw = mounted.raw(b"GET /alice/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    head, _, body = raw.partition(b"\r\n\r\n")
    names = [line.partition(b":")[0].lower() for line in head.split(b"\r\n")[1:]]
    assert b"set-cookie" not in names
    assert body == b"<dav/>"
    assert b"\x00" not in head


@pytest.mark.covers("T27")
def test_names_from_the_configuration_cannot_add_a_header_or_a_property(
    sqlite_database: Database,
) -> None:
    name = "Room\r\nX-Evil: 1\r\nBEGIN:VEVENT"
    settings = site_settings(
        resources=[
            {
                "id": "room-a",
                "name": name,
                "email": "room-a@example.com",
                "freebusy": {"public": True},
                "feeds": [{"name": "public"}],
            }
        ]
    )
    with Site(sqlite_database, settings) as site:
        for target in ("/freebusy/room-a", f"/feeds/{site.token('room-a', 'public')}/room-a.ics"):
            answer = site.get(target)
            assert answer.status == 200
            assert "x-evil" not in answer.headers
            assert b"\r\nX-Evil" not in answer.body
            assert b"\r\nBEGIN:VEVENT" not in answer.body


@pytest.mark.parametrize(
    "path",
    ["/healthz", "/freebusy/room-b", "/freebusy/room-a", "/nothing", "/api/v1/openapi.json"],
)
def test_every_answer_carries_the_security_headers_and_a_request_id(site: Site, path: str) -> None:
    first, second = site.get(path), site.get(path)
    for answer in (first, second):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert first.headers["x-request-id"] != second.headers["x-request-id"]


@pytest.mark.covers("T31")
def test_a_log_line_cannot_be_forged(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "bridge.web.access")
    site.get("/x%0a192.0.2.1%20GET%20/forged%20200")
    site.get("/freebusy/room-b?start=%0aforged")
    head = b"GET /x?\x1b[31m\\ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    assert site.raw(head, whole=False).startswith(b"HTTP/1.1 404 ")
    records = [record for record in caplog.records if record.name == "bridge.web.access"]
    assert len(records) == 3
    for record in records:
        line = record.getMessage()
        assert line.isascii()
        assert line.isprintable()


# Trouble


def test_a_fault_of_ours_is_500_with_an_id_and_tells_nothing_else(
    mounted: Site, dav: Dav, caplog: pytest.LogCaptureFixture
) -> None:
    dav.headers = None  # type: ignore[assignment] # makes it raise
    answer = mounted.get("/alice/secret-path")
    assert answer.status == 500
    assert answer.headers["x-request-id"] in answer.json["detail"]
    assert b"Traceback" not in answer.body
    (record,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert record.exc_info
    assert "secret-path" not in record.getMessage()


def test_a_database_that_does_not_answer_is_503(site: Site) -> None:
    assert site.database.path is not None
    site.database.path.rename(site.database.path.with_suffix(".away"))
    for path in ("/freebusy/room-b", "/api/v1/resources/room-a/busy"):
        answer = site.get(path, Authorization="Bearer bbk_aaaaaaaa_" + "a" * 32)
        assert answer.status == 503
        assert int(answer.headers["retry-after"]) > 0
        assert str(site.database.path) not in answer.body.decode()
    assert site.get("/healthz").status == 200
    ready = site.get("/readyz")
    assert (ready.status, ready.json["reasons"]) == (503, ["database"])
    metrics = site.get("/metrics").body.decode()
    assert "busybridge_store_up 0.0" in metrics
    site.database.path.with_suffix(".away").rename(site.database.path)
    assert site.get("/freebusy/room-b").status == 200


# Operation


def test_ready_means_that_every_connection_was_tried_once(site: Site) -> None:
    assert site.get("/readyz").json == {"status": "ready", "reasons": []}
    fresh = Site.over(site)
    _forget_attempts(site)
    with fresh:
        assert fresh.get("/readyz").json["reasons"] == ["first_pulls"]
        with site.database.write() as conn:
            connections.record_attempt(conn, "room-a.work", site.now)
            connections.set_status(conn, "room-b.work", ConnectionStatus.PAUSED)
        assert fresh.get("/readyz").status == 200
    assert site.get("/readyz").status == 200  # a connection that is added later stops nobody


@pytest.mark.covers("P12")
def test_a_process_whose_engine_died_is_not_ready(site: Site) -> None:
    site.engine.alive = False
    answer = site.get("/readyz")
    assert (answer.status, answer.json["reasons"]) == (503, ["engine"])
    assert site.get("/healthz").status == 200


def _forget_attempts(site: Site) -> None:
    from sqlalchemy import update

    from bridge.store.schema import connections as table

    with site.database.write() as conn:
        conn.execute(update(table).values(attempt_at=None))


def metric(answer: Response, line: str) -> float:
    (found,) = [each for each in answer.body.decode().split("\n") if each.startswith(f"{line} ")]
    return float(found.rpartition(" ")[2])


def test_metrics_show_freshness_status_pulls_and_latencies(site: Site) -> None:
    site.get("/freebusy/room-b")
    site.context.metrics.pull("ok")
    site.context.metrics.pull("rate_limited")
    answer = site.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert metric(answer, 'busybridge_resource_age_seconds{resource="room-a"}') == 60
    assert metric(answer, 'busybridge_resource_stale_calendars{resource="room-a"}') == 0
    status = 'busybridge_connection_status{connection="room-a.work",provider="memory",status='
    assert metric(answer, status + '"active"}') == 1
    assert metric(answer, status + '"error"}') == 0
    assert metric(answer, 'busybridge_pulls_total{outcome="ok"}') == 1
    count = 'busybridge_request_seconds_count{area="freebusy",method="GET",status="2xx"}'
    assert metric(answer, count) == 1


def test_metrics_show_what_the_admin_was_told_and_what_is_not_delivered(site: Site) -> None:
    work, now = ConnectionId("room-a.work"), 0
    with site.context.database.write() as conn:
        lasting = AlertRow(work, "stale", "a1", now, now, 1, None, None)
        over = AlertRow(work, "error", "a2", now, now, 1, now, now)
        alerts.keep(conn, [lasting, over])
        alerts.post(conn, ["webhook"], work, ("m1", "{}"), now)
        [message] = alerts.take(conn, "webhook", now, 60)
        alerts.failed(conn, [message], now, [5], "no answer", oldest=0)
    shown = site.get("/metrics").body.decode()
    assert 'busybridge_alerts{trouble="stale"} 1.0' in shown
    assert 'trouble="error"' not in shown
    assert 'busybridge_alerts_waiting{way="webhook"} 1.0' in shown
    assert 'busybridge_alert_way_failures{way="webhook"} 1.0' in shown


def test_metrics_do_not_grow_with_what_requests_bring(site: Site) -> None:
    for number in range(20):
        site.get(f"/freebusy/x{number}?token=s3cret{number}", f"METHOD{number}")
        site.get(f"/feeds/s3cret{number}/x.ics", f"M{'X' * number}")
    text = site.get("/metrics").body.decode()
    assert "s3cret" not in text
    assert "METHOD1" not in text
    assert text.count("busybridge_request_seconds_count") < 10


def test_metrics_are_for_the_networks_that_may_read_them(sqlite_database: Database) -> None:
    with Site(sqlite_database, site_settings(metrics={"allow_networks": ["192.0.2.0/24"]})) as site:
        assert site.get("/metrics").status == 403
        site.live.swap(site_settings())
        assert site.get("/metrics").status == 200
        # From beyond a proxy that nobody said to trust, everybody looks local.
        for sign in ("X_Forwarded_For", "X_Real_IP", "Via"):
            assert site.get("/metrics", **{sign: "127.0.0.1"}).status == 403
        # One that is trusted, and does not say for whom it asks.
        site.live.swap(site_settings(server={"trusted_proxies": ["127.0.0.1/32"]}))
        assert site.get("/metrics").status == 403
        assert site.get("/metrics", X_Forwarded_For="unknown").status == 403
        assert site.get("/metrics", X_Forwarded_For="127.0.0.1").status == 200
        site.live.swap(site_settings(metrics={"enabled": False}))
        assert site.get("/metrics").status == 404


def test_health_is_only_what_it_is_called(site: Site) -> None:
    for path in ("/healthz/x", "/readyz/", "/metrics/all"):
        assert site.get(path).status == 404
    assert site.get("/healthz", "HEAD").status == 200
    assert site.get("/healthz", "POST").status == 405
