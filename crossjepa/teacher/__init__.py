"""The frozen image encoder: its weights, and what it says of every view, once."""
