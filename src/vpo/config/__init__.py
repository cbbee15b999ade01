"""Settings from the configuration file, the environment and the command line."""
