"""The agent: one LangGraph graph, its approval policy, and one file of verbs that phrase results."""
