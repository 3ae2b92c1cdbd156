"""The figures of the report's page, drawn from the references."""
