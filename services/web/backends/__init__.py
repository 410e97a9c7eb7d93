"""The services behind the gateway, as the gateway speaks to them. Turns their protos into our few values.

There is one client for both halves of the gateway: it lives on the event loop, and Flask's threads reach it over
`bridge`. A second, synchronous one would have to repeat every call, deadline and error beside it.
"""
