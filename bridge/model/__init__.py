"""Values that every room shares: no I/O, no clock, no logging."""
