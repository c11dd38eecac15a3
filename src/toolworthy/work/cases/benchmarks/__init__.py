"""The field's own data and measures, by their own definitions: BFCL's judge, and the vendor verifiers' rates."""
