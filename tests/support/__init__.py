"""What many tests share: our commands as users run them, servers on loopback, exchanges, trials and runs made by hand.

A test imports from here, never from a ``conftest`` or from another test.
"""
