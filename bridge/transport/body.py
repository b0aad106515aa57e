"""Reading a body whole: every length checked, nothing decoded beyond what was asked for."""

from __future__ import annotations

import zlib
from collections.abc import Iterable

from bridge.errors import UnreadableAnswer

_GZIP = zlib.MAX_WBITS | 16


def read_body(chunks: Iterable[bytes], encoding: str, max_size: int, place: str) -> bytes:
    """Read and decode a body of at most `max_size` bytes, counted before and after decoding.

    Args:
        chunks: as they come from the network.
        encoding: value of Content-Encoding; gzip is all that is asked for (RFC 9110 section 8.4).
        max_size: in bytes; a larger body is given up on as soon as that is known.
        place: for messages.

    Raises:
        UnreadableAnswer: too large (code `too_large`), cut short, or encoded otherwise.
    """
    match encoding.strip().lower():
        case "" | "identity":
            pieces = chunks
        case "gzip" | "x-gzip":
            pieces = _inflate(_limited(chunks, max_size, place), max_size, place)
        case _:
            raise UnreadableAnswer(f"{place} sent a content encoding that was not asked for")
    return b"".join(_limited(pieces, max_size, place))


def too_large(max_size: int, place: str) -> UnreadableAnswer:
    """Make the error for a body beyond the limit."""
    return UnreadableAnswer(
        f"{place} sent more than {max_size} bytes",
        code="too_large",
        hint="raise max_size of this provider if the calendar really is that large",
    )


def _limited(chunks: Iterable[bytes], max_size: int, place: str) -> Iterable[bytes]:
    total = 0
    for chunk in chunks:
        total += len(chunk)
        if total > max_size:
            raise too_large(max_size, place)
        yield chunk


def _inflate(chunks: Iterable[bytes], max_size: int, place: str) -> Iterable[bytes]:
    """Inflate one gzip member (RFC 1952), no more than the limit at a time."""
    member = zlib.decompressobj(_GZIP)
    size = 0
    for chunk in chunks:
        data = chunk
        size += len(chunk)
        while data and not member.eof:
            try:
                yield member.decompress(data, max_size + 1)
            except zlib.error as err:
                raise UnreadableAnswer(f"{place} sent damaged gzip data") from err
            data = member.unconsumed_tail
        if data or member.unused_data:
            raise UnreadableAnswer(f"{place} sent more than one gzip stream")
    if size and not member.eof:
        raise UnreadableAnswer(f"{place} sent an answer that was cut short")
