"""Stand-in for dbt's `modules`."""

from types import SimpleNamespace

pytz = SimpleNamespace(all_timezones_set={"UTC"})
