"""A hub on the loopback interface, for the demo and for tests: a small world, its wire format, and faults on demand."""
