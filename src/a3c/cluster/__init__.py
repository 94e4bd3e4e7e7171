"""Workers on several machines: stations there, relays here, and the engines by which they talk."""
