{#- Whether two rows differ in any column; NULL is like NULL and like nothing else. Redshift has no `is distinct from`. -#}
{% macro unlike(one, other, columns) %}
    {% set found = [] %}
    {% for column in columns %}
        {% set this, that = one ~ '.' ~ column, other ~ '.' ~ column %}
        {% do found.append(this ~ ' <> ' ~ that ~ ' or (' ~ this ~ ' is null) <> (' ~ that ~ ' is null)') %}
    {% endfor %}
    {{- '(' ~ found | join(' or ') ~ ')' if found else 'false' -}}
{% endmacro %}
