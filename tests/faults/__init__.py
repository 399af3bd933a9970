"""What a server, a network, an environment and an administrator can do wrong, on purpose."""
