"""Makes of a bundle files that render anywhere: ONNX, and a script and a page that run them."""
