"""What speaks with a chain: the vault's formats, keys, calls, and the deployment of a venue's contracts."""
