"""Signing as Standard Webhooks says (standardwebhooks.com); pure."""

from __future__ import annotations

import hmac
from base64 import b64encode
from collections.abc import Mapping, Sequence
from hashlib import sha256

from bridge.model.interval import Instant


def signed_headers(
    keys: Sequence[bytes], message_id: str, now: Instant, body: bytes
) -> Mapping[str, str]:
    """Give the headers that let a receiver check sender, moment and content.

    Args:
        keys: each signs; while a receiver changes to a new secret, two.
        message_id: the same in each try.
        now: of this try: receivers refuse what is minutes old.
        body: as it is sent.
    """
    content = f"{message_id}.{now}.".encode() + body
    signatures = [b64encode(hmac.digest(key, content, sha256)).decode() for key in keys]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(now),
        "webhook-signature": " ".join(f"v1,{each}" for each in signatures),
    }
