"""Many runs of one endpoint over time: what changed, since when, and in which lane."""
