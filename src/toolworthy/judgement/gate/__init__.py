"""The gate: may a candidate replace a baseline? Pass, fail or inconclusive, with figures."""
