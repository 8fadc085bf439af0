"""The frozen image encoder: its weights, and its embedding of every view."""
