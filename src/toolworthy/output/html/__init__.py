"""``report.html``: one file without a network; the only script in it is the bundled one."""
