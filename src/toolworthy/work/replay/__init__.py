"""Send a run's recorded requests to another endpoint, and compare the decisions."""
