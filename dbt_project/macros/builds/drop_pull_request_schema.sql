{#- `dbt run-operation drop_pull_request_schema` with DBT_SCHEMA=pr_123: removes what a pull request's run has built. -#}
{% macro drop_pull_request_schema() %}
    {% if not target.schema.startswith('pr_') %}
        {{ exceptions.raise_compiler_error(
            'the schema ' ~ target.schema ~ ' is not a pull request\'s (pr_…): set DBT_SCHEMA, nothing was dropped'
        ) }}
    {% endif %}
    {% do adapter.drop_schema(api.Relation.create(database=target.database, schema=target.schema)) %}
{% endmacro %}
