"""Many runs from one build: sweeps, worker processes, clusters, batches on one GPU."""
