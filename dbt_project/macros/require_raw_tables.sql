{#- Stop before the first model, with the remedy, when a raw table that a chosen model or test reads is not there. -#}
{% macro require_raw_tables() %}
    {% if execute and flags.WHICH in ('build', 'run', 'test', 'snapshot') %}
        {% set needed = [] %}
        {% for chosen in selected_resources if chosen in graph.nodes %}
            {% for parent in graph.nodes[chosen].depends_on.nodes if parent in graph.sources and parent not in needed %}
                {% do needed.append(parent) %}
            {% endfor %}
        {% endfor %}
        {% for parent in needed %}
            {% set table = graph.sources[parent] %}
            {% if adapter.get_relation(table.database, table.schema, table.identifier) is none %}
                {{ exceptions.raise_compiler_error(
                    table.schema ~ '."' ~ table.identifier ~ '" is missing in the warehouse ' ~ target.database
                    ~ ': run `make extract` first. (Not your tables? --vars \'{shop: false}\' leaves the demo shop out.)'
                ) }}
            {% endif %}
        {% endfor %}
    {% endif %}
{% endmacro %}
