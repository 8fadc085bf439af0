"""Training of the point encoder: it learns to predict the frozen teacher's embeddings."""
