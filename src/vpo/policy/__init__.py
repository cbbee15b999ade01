"""The policy language: YAML to frozen models, and what each key does to a draft."""
