"""How a student answers: greedily, in batches, exactly as it would answer each prompt alone."""
