"""The inference engine beside bare diffusers and other ways to serve it: `python -m bench.engine run`."""
