"""Send the recorded requests of a run to another endpoint, and compare what it decides."""
