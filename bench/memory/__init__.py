"""What saving memory costs: peaks and seconds of each economy, at the shape of Stable Diffusion 1.5."""
