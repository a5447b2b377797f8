"""What a sample must satisfy: reasons against it, found by code, by the user's rules, by what was seen before."""
