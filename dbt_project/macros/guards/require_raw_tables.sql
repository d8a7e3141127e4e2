{#- Stop before the first model, with the remedy, when a raw table that a chosen model or test reads is not there. -#}
{% macro require_raw_tables() %}
    {% if execute and flags.WHICH in ('build', 'run', 'test', 'snapshot') %}
        {% set missing = missing_raw_tables() %}
        {% if missing %}
            {{ exceptions.raise_compiler_error(
                missing | join(', ') ~ (' is' if missing | length == 1 else ' are') ~ ' missing in the warehouse '
                ~ (target.path or target.host ~ '/' ~ target.dbname) ~ ': run `make extract` first.'
                ~ ' (Not your tables? DEMO_SHOP=0 in .env leaves the demo shop out.)'
            ) }}
        {% endif %}
    {% endif %}
{% endmacro %}

{#- The source tables that the chosen models and tests read and that the warehouse lacks, as `schema."table"`, sorted. -#}
{% macro missing_raw_tables() %}
    {% set missing = [] %}
    {% for table in chosen_raw_tables() %}
        {# Redshift folds names to lower case even where they are quoted. #}
        {% set stored = table.identifier | lower if target.type == 'redshift' else table.identifier %}
        {% if adapter.get_relation(table.database, table.schema, stored) is none %}
            {% do missing.append(table.schema ~ '."' ~ table.identifier ~ '"') %}
        {% endif %}
    {% endfor %}
    {{ return(missing | sort) }}
{% endmacro %}

{#- The catalog's entries of the source tables that the chosen models and tests read, also through ephemeral models. -#}
{% macro chosen_raw_tables() %}
    {% set found = {} %}
    {% set readers = selected_resources | select('in', graph.nodes) | list %}
    {# The list grows while it is walked through. #}
    {% for reader in readers %}
        {% for parent in graph.nodes[reader].depends_on.nodes %}
            {% if parent in graph.sources %}
                {% do found.update({parent: graph.sources[parent]}) %}
            {% elif parent in graph.nodes and graph.nodes[parent].config.materialized == 'ephemeral' %}
                {% do readers.append(parent) if parent not in readers %}
            {% endif %}
        {% endfor %}
    {% endfor %}
    {{ return(found.values() | list) }}
{% endmacro %}
