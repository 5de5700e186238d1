"""How weights in memory answer: what prompts share is read once, and nothing is computed in vain."""
