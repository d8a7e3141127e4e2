{#-
    A fifth as a number from 5 (the first fifth in this order) down to 1. Equal values get the same score, that of the best
    among them, so the result does not depend on how rows happen to lie.
-#}
{% macro score(best_first, among) %}
    {%- set before = '(rank() over (partition by ' ~ among ~ ' order by ' ~ best_first ~ ') - 1)' -%}
    case when {{ among }} then 5 - {{ whole_division('5 * ' ~ before, '(count(*) over (partition by ' ~ among ~ '))') }} end
{%- endmacro %}
