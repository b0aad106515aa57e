"""iCalendar: reading, repairing, zones, recurrence, writing. Pure: no clock, no logging."""
