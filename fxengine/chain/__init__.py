"""What speaks with a chain: JSON-RPC, keys, calls as bytes, the vault's formats, and a venue's deployment."""
