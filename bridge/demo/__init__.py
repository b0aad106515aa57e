"""`busybridge demo`: CalDAV sources, stand-ins for Google and Microsoft, and the bridge."""
