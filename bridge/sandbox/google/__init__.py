"""A stand-in for Google Calendar v3 and its OAuth server."""
