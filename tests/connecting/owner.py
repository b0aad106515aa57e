"""The owner of a Google account in front of a browser."""

from __future__ import annotations

import re
import ssl
from dataclasses import dataclass, field
from html import unescape
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx2

ANN, BOB = "ann@example.test", "bob@example.test"


def plain_client(timeout: float = 30) -> httpx2.Client:
    """Make one for plain HTTP, which needs no authorities."""
    return httpx2.Client(
        trust_env=False, timeout=timeout, verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    )


@dataclass
class Browser:
    """Keeps cookies; follows a redirect only when told."""

    http: httpx2.Client = field(default_factory=plain_client)

    def get(self, url: str, **headers: str) -> httpx2.Response:
        return self.http.get(url, headers={k.replace("_", "-"): v for k, v in headers.items()})

    def press(self, page: httpx2.Response, number: int = 0, **headers: str) -> httpx2.Response:
        """Press a button of our page; headers as a browser sends them from there."""
        forms = re.findall(r"<form method=\"post\" action=\"([^\"]*)\">(.*?)</form>", page.text)
        action, inner = forms[number]
        fields = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', inner)
        given = {name: unescape(value) for name, value in fields}
        named = {"Sec-Fetch-Site": "same-origin", "Origin": "null"} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        url = urljoin(str(page.url), unescape(action))
        return self.http.post(url, data=given, headers=named)

    def consent(
        self, url: str, account: str = ANN, decision: str = "allow", untick: str = ""
    ) -> str:
        """Choose on Google's page, and give the address that it sends the browser to."""
        page = self.get(url)
        assert page.status_code == 200, page.text
        scopes = re.findall(r'name="scope" value="([^"]*)"', page.text)
        chosen = [unescape(each) for each in scopes if each != untick]
        form = {"account": account, "scope": chosen, "decision": decision}
        answer = self.http.post(url, data=form)
        assert answer.status_code == 302, answer.text
        return str(answer.headers["Location"])


def asked(url: str) -> dict[str, str]:
    """The parameters of an address."""
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
