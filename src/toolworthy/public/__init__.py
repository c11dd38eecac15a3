"""What ``import toolworthy`` exports: functions and objects over the packages below; and the loader of users' plugins.

May import: everything but ``cli`` and ``plugin``, the other entry points.
Does not belong here: logic. What a run measures, a rule finds and a gate decides is made below.
"""
