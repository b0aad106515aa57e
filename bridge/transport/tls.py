"""The one TLS context, and what a failed handshake means to an admin."""

from __future__ import annotations

import ssl

import httpx2

from bridge.errors import ConfigError, ConfigProblem, TemporarilyUnavailable

_EXPIRED = {9, 10}  # X509_V_ERR_CERT_NOT_YET_VALID, X509_V_ERR_CERT_HAS_EXPIRED
_WRONG_HOST = {62, 64}  # X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH


def make_context(ca_file: str | None) -> ssl.SSLContext:
    """Make a context that trusts the system's authorities and those of `ca_file`.

    The environment (SSL_CERT_FILE, SSL_CERT_DIR, SSLKEYLOGFILE) has no say.

    Raises:
        ConfigError: `ca_file` cannot be read or holds no certificate.
    """
    context = httpx2.create_ssl_context(trust_env=False)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca_file is not None:
        try:
            context.load_verify_locations(cafile=ca_file)
        except OSError as err:  # ssl.SSLError is one
            problem = ConfigProblem(
                f"{ca_file} cannot be used: {err.strerror or 'it holds no PEM certificate'}",
                key="outbound.ca_file",
                hint="name a readable file of PEM certificates",
            )
            raise ConfigError([problem]) from err
    return context


def explain_handshake(error: ssl.SSLError, place: str) -> TemporarilyUnavailable:
    """Turn a failed handshake into an error with the remedy."""
    if not isinstance(error, ssl.SSLCertVerificationError):
        text = f"{place}: no TLS connection ({error.reason or 'handshake failed'})"
        return TemporarilyUnavailable(
            text, code="tls", hint="the server must speak TLS 1.2 or later on this port"
        )
    if error.verify_code in _EXPIRED:
        reason, hint = "is not valid today", "renew it at the server; check this machine's clock"
    elif error.verify_code in _WRONG_HOST:
        reason, hint = "is for another host", "use the host name that the certificate names"
    else:
        reason, hint = "is not trusted", "put the CA that signed it into outbound.ca_file"
    return TemporarilyUnavailable(f"{place}: its certificate {reason}", code="tls", hint=hint)
