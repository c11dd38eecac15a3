"""``report.html``: one file, no network; nothing in it runs but its own script, which was built beforehand."""
