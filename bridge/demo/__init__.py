"""`busybridge demo`: real CalDAV sources, a stand-in for Google, and the bridge, on loopback."""
