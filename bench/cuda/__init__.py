"""What an accelerator makes of the engine, at the shape of Stable Diffusion 1.5 with random weights."""
