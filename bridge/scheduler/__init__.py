"""When each connection is pulled, and by which process.

APScheduler is the clock of a handful of jobs; what is due stands in the store, where any number of
processes claim it with leases.
"""
