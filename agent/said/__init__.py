"""What is said to users: one catalogue a language, by key. What is understood stands with each command."""
