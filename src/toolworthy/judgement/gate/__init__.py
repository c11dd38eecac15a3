"""May the candidate replace the baseline? Pass, fail, or inconclusive, each with reasons in figures."""
