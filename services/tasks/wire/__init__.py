"""Everything that speaks gRPC or NATS: servicers, messages, and the services that this one calls."""
