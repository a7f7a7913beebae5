"""What every estimator shares: input checks, seeds, threads, progress, build facts."""
