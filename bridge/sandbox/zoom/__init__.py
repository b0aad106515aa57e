"""The stand-in for Zoom: its OAuth, its users and their meetings, its webhooks."""
