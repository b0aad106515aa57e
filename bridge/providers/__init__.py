"""Calendar systems, each in a room that describes itself; only `bridge.registry` names them."""
