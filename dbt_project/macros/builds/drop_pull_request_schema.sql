{#- `dbt run-operation drop_pull_request_schema` with DBT_SCHEMA=pr_123 (or dev_kim): removes what was built there. -#}
{% macro drop_pull_request_schema() %}
    {% if not target.schema.startswith(('pr_', 'dev_')) %}
        {{ exceptions.raise_compiler_error(
            'the schema ' ~ target.schema ~ ' is no pull request\'s (pr_…) and no developer\'s (dev_…): set DBT_SCHEMA, nothing was dropped'
        ) }}
    {% endif %}
    {% do adapter.drop_schema(api.Relation.create(database=target.database, schema=target.schema)) %}
{% endmacro %}
