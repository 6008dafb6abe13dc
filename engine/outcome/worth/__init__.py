"""The value of the model: what the same cycles would have earned with other answers. It decides, and never trades."""
