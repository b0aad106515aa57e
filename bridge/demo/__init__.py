"""`busybridge demo`: real CalDAV sources, believable calendars and the bridge, on loopback."""
