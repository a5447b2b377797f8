"""The guide: a chat model by rules, for when no language model is configured. It uses the same graph and tools."""
