"""A Stable Diffusion model behind the engine's port: prompts, noise, samplers, guidance, LoRAs."""
