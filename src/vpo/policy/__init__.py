"""The policy language: from YAML to frozen models, and how each key changes the desired state."""
