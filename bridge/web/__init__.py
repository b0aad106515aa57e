"""What answers HTTP beside CalDAV: free-busy URLs, feeds, the JSON API, and operation.

A request never talks to a provider: it reads the store, or asks the engine and waits for it.
"""
