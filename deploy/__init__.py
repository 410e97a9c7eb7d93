"""How Daydream is put into operation: on one machine (`deploy.local`) and in containers (`compose.yaml`)."""
