"""`busybridge demo`: CalDAV sources, stand-ins for Google, Microsoft and Zoom, and the bridge."""
