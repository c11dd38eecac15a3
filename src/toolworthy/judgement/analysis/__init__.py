"""What results say: an agent's verdict, its level on the wire, the figures of the tool-call suite."""
