"""Task and passages -> samples: teachers, the simulator, the engine that drives them, the checks."""
