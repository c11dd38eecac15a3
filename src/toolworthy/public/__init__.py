"""What ``import toolworthy`` exports: thin functions and objects over the lower packages, and the plugin loader.

May import: everything but ``cli`` and ``plugin``, the other entry points.
Does not belong here: logic. Lower packages measure, find and decide.
"""
