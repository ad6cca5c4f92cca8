"""What speaks with a chain: JSON-RPC, keys, calls as bytes."""
