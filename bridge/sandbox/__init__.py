"""A stand-in for the providers: stateful, strict, over real HTTP, and able to misbehave.

For trying BusyBridge without an account, for its tests, and for whoever integrates with the same
APIs. It imports nothing of the bridge, so that both can only agree by agreeing with the provider.
What goes in and out is held against the provider's official description in `schemas/`.
"""
