"""toolworthy: is this model endpoint worthy of the agent tool you want to put it behind?"""

__version__ = "0.1.0"
