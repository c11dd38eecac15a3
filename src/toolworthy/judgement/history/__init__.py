"""Many runs of one endpoint over time: what changed, since when, and on which side (endpoint, agents, toolworthy)."""
