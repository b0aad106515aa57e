"""Merge the busy time of many calendars and publish it as CalDAV, free-busy and ICS."""

__version__ = "0.1.0"
