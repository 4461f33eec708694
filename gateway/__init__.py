"""A callback gateway: the domestic box takes the number, the overseas box calls back."""
