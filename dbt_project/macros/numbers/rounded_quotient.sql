{#-
    A quotient of whole numbers with `places` decimals, rounded half away from zero, without floating point; NULL where the
    divisor is zero. The divisor must not be negative. Both become BIGINT first: Redshift's sum of a BIGINT is a NUMERIC,
    whose division is not a whole one.
-#}
{% macro rounded_quotient(dividend, divisor, places) %}
    {%- set unit = '0.' ~ '0' * (places - 1) ~ '1' -%}
    {%- set whole, part = 'cast(' ~ dividend ~ ' as bigint)', 'cast(' ~ divisor ~ ' as bigint)' -%}
    {%- set half = 'case when ' ~ whole ~ ' < 0 then -' ~ part ~ ' else ' ~ part ~ ' end' -%}
    {%- set twice = whole ~ ' * ' ~ 2 * 10 ** places ~ ' + ' ~ half -%}
    cast({{ whole_division(twice, 'nullif(2 * ' ~ part ~ ', 0)') }} as decimal(16, 0))
    * cast({{ unit }} as decimal({{ places + 1 }}, {{ places }}))
{%- endmacro %}
