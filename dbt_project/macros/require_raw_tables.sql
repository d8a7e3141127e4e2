{#- Stop before the first model, with the remedy, when a raw table that a chosen model or test reads is not there. -#}
{% macro require_raw_tables() %}
    {% if execute and flags.WHICH in ('build', 'run', 'test', 'snapshot') %}
        {% set missing = missing_raw_tables() %}
        {% if missing %}
            {{ exceptions.raise_compiler_error(
                missing | join(', ') ~ (' is' if missing | length == 1 else ' are') ~ ' missing in the warehouse '
                ~ (target.path or target.host ~ '/' ~ target.dbname) ~ ': run `make extract` first.'
                ~ ' (Not your tables? --vars \'{shop: false}\' leaves the demo shop out.)'
            ) }}
        {% endif %}
    {% endif %}
{% endmacro %}

{#- The source tables that the chosen models and tests read and that the warehouse lacks, as `schema."table"`, sorted. -#}
{% macro missing_raw_tables() %}
    {% set missing = [] %}
    {% for chosen in selected_resources if chosen in graph.nodes %}
        {% for parent in graph.nodes[chosen].depends_on.nodes if parent in graph.sources %}
            {% set table = graph.sources[parent] %}
            {# Redshift folds names to lower case even where they are quoted. #}
            {% set stored = table.identifier | lower if target.type == 'redshift' else table.identifier %}
            {% set name = table.schema ~ '."' ~ table.identifier ~ '"' %}
            {% if name not in missing and adapter.get_relation(table.database, table.schema, stored) is none %}
                {% do missing.append(name) %}
            {% endif %}
        {% endfor %}
    {% endfor %}
    {{ return(missing | sort) }}
{% endmacro %}
