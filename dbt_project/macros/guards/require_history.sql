{#- `dbt run` makes no snapshots: say so, with the remedy, where a chosen model reads one that was never made. -#}
{% macro require_history() %}
    {% if execute and flags.WHICH == 'run' %}
        {% for chosen in selected_resources if chosen in graph.nodes %}
            {% for parent in graph.nodes[chosen].depends_on.nodes if parent.startswith('snapshot.') %}
                {% set history = graph.nodes[parent] %}
                {% if adapter.get_relation(history.database, history.schema, history.alias) is none %}
                    {{ exceptions.raise_compiler_error(
                        history.schema ~ '.' ~ history.alias ~ ' was never made, and `dbt run` makes no snapshots:'
                        ~ ' run `dbt build` (or `make build`) once'
                    ) }}
                {% endif %}
            {% endfor %}
        {% endfor %}
    {% endif %}
{% endmacro %}
