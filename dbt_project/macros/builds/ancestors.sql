{#- These nodes and everything that they are made of, sources included: unique ids, each once. -#}
{% macro ancestors(nodes) %}
    {% set found = nodes | list %}
    {# The list grows while it is walked through. #}
    {% for node in found if node in graph.nodes %}
        {% for parent in graph.nodes[node].depends_on.nodes if parent not in found %}
            {% do found.append(parent) %}
        {% endfor %}
    {% endfor %}
    {{ return(found) }}
{% endmacro %}
