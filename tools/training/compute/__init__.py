"""Where torch works: rows, kernels, the step. Loaded by jobs alone."""
