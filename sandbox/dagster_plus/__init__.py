"""A local Dagster+: a control plane over real GraphQL, and a real, unmodified agent beside it."""
