"""What is in a data set: figures, pictures, and examples for ear and eye."""
