"""A checkpoint behind an endpoint: vLLM on loopback, proven to answer as it was scored, and stopped without a trace."""
