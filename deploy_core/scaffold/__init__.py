"""New projects for Dagster+: a whole repository, or a directory in a monorepo."""
