"""The figures of the report's page, computed by the references."""
