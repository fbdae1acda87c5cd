"""What the readings mean: growth, windows, estimates, shares, spikes. Pure: knows no SQL, no files, no clock.

The rules are those of README "How it counts"; each function names its rule.
"""
