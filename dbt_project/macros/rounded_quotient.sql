{#-
    A quotient of whole numbers with `places` decimals, rounded half away from zero, without floating point; NULL where the
    divisor is zero. The divisor must not be negative.
-#}
{% macro rounded_quotient(dividend, divisor, places) %}
    {%- set unit = '0.' ~ '0' * (places - 1) ~ '1' -%}
    {%- set half = 'case when ' ~ dividend ~ ' < 0 then -(' ~ divisor ~ ') else ' ~ divisor ~ ' end' -%}
    {%- set twice = '(' ~ dividend ~ ') * ' ~ 2 * 10 ** places ~ ' + ' ~ half -%}
    cast({{ whole_division(twice, 'nullif(2 * (' ~ divisor ~ '), 0)') }} as decimal(16, 0))
    * cast({{ unit }} as decimal({{ places + 1 }}, {{ places }}))
{%- endmacro %}
