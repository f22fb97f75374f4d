"""What the network predicts, and its loss."""
