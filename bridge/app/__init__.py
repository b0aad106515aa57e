"""One process: its parts, how it serves, logs, reloads and ends."""
