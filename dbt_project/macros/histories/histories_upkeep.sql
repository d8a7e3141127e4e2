{#-
    Stop a build that would empty what is there: with `--empty` every model is made of no rows, and every history would be
    told that all is gone.
-#}
{% macro refuse_to_empty() %}
    {% if execute and flags.EMPTY and flags.WHICH in ('build', 'run', 'snapshot') %}
        {% for node in graph.nodes.values() if node.config.materialized not in ('view', 'ephemeral', 'test', 'unit') %}
            {% set there = adapter.get_relation(node.database, node.schema, node.alias or node.name) %}
            {% if there and run_query('select 1 from ' ~ there ~ ' limit 1').rows %}
                {{ exceptions.raise_compiler_error(
                    '--empty would replace what is in the schema ' ~ node.schema ~ ' by nothing (' ~ node.alias
                    ~ ' has rows): set DBT_SCHEMA to a schema of its own for that. Nothing was changed.'
                ) }}
            {% endif %}
        {% endfor %}
    {% endif %}
{% endmacro %}

{#- The histories by run that are in the warehouse: (relation, columns, key columns) of each. -#}
{% macro histories_by_run() %}
    {% set found = [] %}
    {% for node in graph.nodes.values() if node.resource_type == 'snapshot' and node.config.strategy == 'by_run' %}
        {% set there = adapter.get_relation(node.database, node.schema, node.alias) %}
        {% if there %}
            {% set key, columns = node.config.unique_key, {} %}
            {% for own in ('dbt_scd_id', 'dbt_updated_at', 'dbt_valid_from', 'dbt_valid_to') %}
                {% do columns.update({own: node.config.snapshot_meta_column_names[own] or own}) %}
            {% endfor %}
            {% do found.append((there, columns, [key] if key is string else key)) %}
        {% endif %}
    {% endfor %}
    {{ return(found) }}
{% endmacro %}

{#-
    `dbt run-operation count_runs_anew`: raw is of a lake that was begun anew, whose runs count from 1 again. The runs that
    the histories have seen become negative, in their order, and what is built from now on comes after them.
-#}
{% macro count_runs_anew() %}
    {% for history, columns, _keys in histories_by_run() %}
        {% set seen = run_query('select ' ~ run_seen_by(history, columns)).rows[0][0] %}
        {% set shifted = [] %}
        {% for column in (columns.dbt_updated_at, columns.dbt_valid_from, columns.dbt_valid_to) %}
            {% do shifted.append(column ~ ' = ' ~ column ~ ' - ' ~ (seen + 1)) %}
        {% endfor %}
        {% do commit_alone([
            'update ' ~ history ~ ' set ' ~ shifted | join(', '),
            'delete from ' ~ histories_table() ~ ' where history = ' ~ history_name(history),
        ]) %}
        {% do log(history.schema ~ '.' ~ history.identifier ~ ': what it has seen counts as runs before 0 now', info=true) %}
    {% endfor %}
{% endmacro %}

{#-
    Histories that were made before they went by runs are kept: their states get runs before 0, in the order of the clock
    that they went by, which is all that is known of it.
-#}
{% macro bring_histories_up_to_date() %}
    {% if execute and flags.WHICH in ('build', 'run', 'snapshot') %}
        {% for history, columns, keys in histories_by_run() %}
            {% set names = adapter.get_columns_in_relation(history) | map(attribute='name') | list %}
            {% if 'dbt_valid_from' in names and columns.dbt_valid_from not in names %}
                {% do to_runs(history, columns, keys, names) %}
            {% endif %}
        {% endfor %}
    {% endif %}
{% endmacro %}

{% macro to_runs(history, columns, keys, names) %}
    {% set kept = [] %}
    {% for name in names if not name.startswith('dbt_') %}{% do kept.append(adapter.quote(name)) %}{% endfor %}
    {% set aside = history.incorporate(path={'identifier': history.identifier ~ '__by_clock'}) %}
    {% set key = keys | join(', ') %}
    {% do commit_alone([
        'alter table ' ~ history ~ ' rename to ' ~ adapter.quote(aside.identifier),
        'create table ' ~ history ~ ' as
        with states as (select distinct * from ' ~ aside ~ '),
        counted as (
            select *, row_number() over (order by dbt_valid_from, coalesce(dbt_valid_to, dbt_valid_from), dbt_scd_id)
                - count(*) over () - 1 as place from states
        ),
        followed as (select *, lead(place) over (partition by ' ~ key ~ ' order by place) as next_place from counted)
        select ' ~ kept | join(', ') ~ ',
            md5(dbt_scd_id || cast(place as varchar)) as ' ~ columns.dbt_scd_id ~ ',
            cast(place as bigint) as ' ~ columns.dbt_updated_at ~ ', cast(place as bigint) as ' ~ columns.dbt_valid_from ~ ',
            cast(case when dbt_valid_to is not null or next_place is not null then coalesce(next_place, 0) end as bigint)
                as ' ~ columns.dbt_valid_to ~ '
        from followed',
        'drop table ' ~ aside,
    ]) %}
    {% do log(history.schema ~ '.' ~ history.identifier ~ ' goes by the runs of raw now, and no longer by clocks', info=true) %}
{% endmacro %}
