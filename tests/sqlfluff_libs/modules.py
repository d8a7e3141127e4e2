"""Stand-in for dbt's `modules`; `item` is what the linter's own stand-in for `var()` gives."""

from types import SimpleNamespace

pytz = SimpleNamespace(all_timezones_set={"UTC", "item"})
