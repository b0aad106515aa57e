"""What leaves the process over HTTP and DNS, and nothing else does; see `Transport`."""

from bridge.transport.client import Transport
from bridge.transport.resolver import Resolver, SystemResolver, unresolved
from bridge.transport.status import raise_for_status
from bridge.transport.urls import may_share_credentials, where

__all__ = [
    "Resolver",
    "SystemResolver",
    "Transport",
    "may_share_credentials",
    "raise_for_status",
    "unresolved",
    "where",
]
