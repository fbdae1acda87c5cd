"""Open-model adoption telemetry: what part of a hub's downloads goes to models from which country."""

__version__ = "0.1.0"
