"""Public benchmarks and their metrics, as they define them: BFCL's checker, and the rates of vendor verifiers."""
