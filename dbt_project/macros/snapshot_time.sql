{#- When a snapshot closes what is gone: in UTC, like every other time here; dbt-duckdb's own is the session's local time. -#}
{% macro duckdb__snapshot_get_time() %}(now() at time zone 'UTC'){% endmacro %}
