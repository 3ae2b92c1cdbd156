"""The version of the form of a report's data, claims.json, as `claims.schema.json` describes it."""

FORMAT = 2
"""The form of the data that this version writes. It reads earlier ones too: `older`."""
