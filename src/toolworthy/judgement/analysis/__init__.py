"""An agent's verdict, its level on the wire, and the figures of the tools suite."""
