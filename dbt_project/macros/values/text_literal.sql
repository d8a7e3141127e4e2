{#- A text in SQL, whatever is in it. dbt's own string_literal puts it between quotes as it is. -#}
{% macro text_literal(text) %}{{ return(adapter.dispatch('text_literal')(text)) }}{% endmacro %}

{% macro default__text_literal(text) %}
    {{- return("'" ~ text | replace("'", "''") ~ "'") -}}
{% endmacro %}

{#- In Redshift's plain literals a backslash escapes. -#}
{% macro redshift__text_literal(text) %}
    {{- return("'" ~ text | replace("\\", "\\\\") | replace("'", "''") ~ "'") -}}
{% endmacro %}
