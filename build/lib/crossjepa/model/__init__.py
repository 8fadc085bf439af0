"""The networks, in pure torch: tensors in, tensors out."""
