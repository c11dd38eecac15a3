"""What a policy can ask of a metric, a module for each kind, and what is said of it."""
