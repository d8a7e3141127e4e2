{#- The reader's right to enter the schema of the marts; what it may read there is each mart's own grant. -#}
{% macro let_reader_in() %}
    {%- if execute and target.type == 'redshift' and flags.WHICH in ('build', 'run') -%}
        grant usage on schema {{ adapter.quote(target.schema) }} to {{ adapter.quote(var('reader', 'bi_reader')) }}
    {%- endif -%}
{% endmacro %}
