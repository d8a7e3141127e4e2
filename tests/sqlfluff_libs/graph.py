"""Stand-in for dbt's `graph`: a mart with two columns, and no sources."""

nodes = {"model.order_he.order_mart": {"columns": {"amount": {}, "status": {}}}}
sources: dict = {}
