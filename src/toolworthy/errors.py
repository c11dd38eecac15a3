"""What a user can do wrong, said in one line.

::

    UserError            a mistake of the user's; the doors print it without a traceback
    └── AdapterError     an adapter, task or config file that does not say what it must
"""


class UserError(Exception):
    """A mistake the user can mend. The message is one line: what is wrong, and what to do."""


class AdapterError(UserError):
    """A TOML file that cannot be used; the message begins with the file's path."""
