"""The measures, one file each: definition, citation, measurement, aggregate, table."""
