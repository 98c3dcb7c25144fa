"""The HTTP/1.1 client: `dial` makes connections, `connection` speaks, `transport` keeps them."""
