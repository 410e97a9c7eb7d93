"""gRPC as every service uses it: one server, one kind of channel, one shape of error."""
