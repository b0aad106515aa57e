"""The numbers that BusyBridge is to hold, measured beside its peers in one run.

`python -m benchmarks [names...] [--quick]` prints for each row the peer, ours, their ratio and the
target, and `below target` where it is missed. Both sides get the same input, and their answers are
compared: a ratio of two different answers says nothing.
"""
