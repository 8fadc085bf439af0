"""Training the point encoder to predict what the frozen teacher said."""
