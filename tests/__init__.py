"""Tests; a name is a sentence, a server is real, a database is real."""
