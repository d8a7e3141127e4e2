{#-
    Hours from one timestamp to another with two decimals, rounded half away from zero, exactly: a hundredth of an hour
    is 36 seconds, so whole numbers do it, and no engine's floating point or division rule comes in.
-#}
{% macro hours_between(first, last) %}
    {%- set seconds = dbt.datediff(first, last, 'second') -%}
    {%- set half = 'case when ' ~ seconds ~ ' < 0 then -18 else 18 end' -%}
    cast({{ whole_division(seconds ~ ' + ' ~ half, 36) }} as decimal(16, 0)) * cast(0.01 as decimal(3, 2))
{%- endmacro %}

{#- Division of whole numbers, the remainder dropped: Redshift's own `/`; DuckDB's would give a float. -#}
{% macro whole_division(number, divisor) %}{{ adapter.dispatch('whole_division')(number, divisor) }}{% endmacro %}

{% macro default__whole_division(number, divisor) %}(({{ number }}) / {{ divisor }}){% endmacro %}

{% macro duckdb__whole_division(number, divisor) %}(({{ number }}) // {{ divisor }}){% endmacro %}
