"""Diffusion in continuous time: schedule, process, loss, guidance, steppers, sampler. JAX only."""
