{#-
    Stop before the first model when a column that the catalog describes was dropped or renamed at the source. Raw keeps
    such a column, with old values and NULL in new rows, and `_loads` says so: models would go on, and be wrong.
-#}
{% macro require_source_columns() %}
    {% if execute and flags.WHICH in ('build', 'run', 'test', 'snapshot') %}
        {% set gone = [] %}
        {% for table in chosen_raw_tables() %}
            {% set said = newest_verdict(table).partition('; dropped at the source: ')[2] %}
            {% for column in table.columns if '"' ~ column ~ '"' in said or said.startswith('many columns') %}
                {% do gone.append(table.schema ~ '."' ~ table.identifier ~ '".' ~ column) %}
            {% endfor %}
        {% endfor %}
        {% if gone %}
            {{ exceptions.raise_compiler_error(
                gone | sort | join(', ') ~ ': gone at the source (dropped, or renamed there); raw only has old values. '
                ~ 'Was it renamed? Read the new name in the staging view. Is it gone for good? Take it out of the models, '
                ~ 'or, to go on with the old values, out of the columns that the sources YAML describes.'
            ) }}
        {% endif %}
    {% endif %}
{% endmacro %}

{#- What the newest run said of a source table; '' if nothing is known. -#}
{% macro newest_verdict(table) %}
    {% if adapter.get_relation(table.database, table.schema, '_loads') is none %}
        {{ return('') }}
    {% endif %}
    {% set found = run_query(
        'select verdict from ' ~ adapter.quote(table.schema) ~ '._loads where table_name = '
        ~ text_literal(table.identifier) ~ ' order by run desc limit 1'
    ) %}
    {{ return(found.columns[0].values()[0] if found | length else '') }}
{% endmacro %}
