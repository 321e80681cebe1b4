"""The paired gap; `evaluate` loads the script of the same name."""
