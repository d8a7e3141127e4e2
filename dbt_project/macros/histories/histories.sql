{#-
    Histories go by the runs of raw, and by no clock: a state holds `from_run` until before `until_run` (NULL: still). This is
    the strategy `by_run` for dbt's snapshots. What is another state, `check_cols` say; a build over a raw that is older than
    what the history has seen leaves it alone, in the statement itself, so that no load or replay can come in between.
-#}
{% macro snapshot_by_run_strategy(node, snapshotted_rel, current_rel, model_config, target_exists) %}
    {% set strategy = snapshot_check_strategy(node, snapshotted_rel, current_rel, model_config, target_exists) %}
    {% set run = run_of_raw(node.unique_id) %}
    {% set keys = strategy.unique_key if strategy.unique_key is not string else [strategy.unique_key] %}
    {% do strategy.update({'updated_at': run, 'scd_id': snapshot_hash_arguments(keys + [run]), 'keys': keys}) %}
    {{ return(strategy) }}
{% endmacro %}

{#- What a build finds against the history: states that begin with raw's run, and ends of those that held until then. -#}
{% macro default__snapshot_staging_table(strategy, source_sql, target_relation) %}
    {% if config.get('strategy') != 'by_run' %}
        {{ return(dbt.default__snapshot_staging_table(strategy, source_sql, target_relation)) }}
    {% endif %}
    {% set columns = config.get('snapshot_table_column_names') %}
    {% set seen = run_seen_by(target_relation, columns) %}
    {% do say_that_raw_is_older(strategy.updated_at, seen, target_relation) %}
    {% set same_key = unique_key_join_on(strategy.unique_key, 'snapshotted_data', 'source_data') %}
    {# Two states of one run can only come of another definition: the number of the run does not tell them apart. #}
    {% set parts = [] %}
    {% for key in strategy['keys'] %}{% do parts.append('source_data.' ~ key) %}{% endfor %}
    {% set new_id = snapshot_hash_arguments(parts + ['raw_now.run', text_literal(invocation_id)]) %}
    with source_data as (
        select *, {{ unique_key_fields(strategy.unique_key) }}
        from (
            {{ source_sql }}
        ) as states
    ),

    snapshotted_data as (
        select *, {{ unique_key_fields(strategy.unique_key) }}
        from {{ target_relation }}
        where {{ columns.dbt_valid_to }} is null
    ),

    raw_now as (
        select runs.run
        from (select {{ strategy.updated_at }} as run) as runs
        where runs.run >= {{ seen }}
    ),

    begun as (
        select
            'insert' as dbt_change_type,
            source_data.*,
            raw_now.run as {{ columns.dbt_updated_at }},
            raw_now.run as {{ columns.dbt_valid_from }},
            cast(null as bigint) as {{ columns.dbt_valid_to }},
            {{ new_id }} as {{ columns.dbt_scd_id }}
        from source_data
        cross join raw_now
        left join snapshotted_data on {{ same_key }}
        where {{ unique_key_is_null(strategy.unique_key, 'snapshotted_data') }} or {{ strategy.row_changed }}
    ),

    ended as (
        select
            'update' as dbt_change_type,
            source_data.*,
            raw_now.run as {{ columns.dbt_updated_at }},
            raw_now.run as {{ columns.dbt_valid_from }},
            raw_now.run as {{ columns.dbt_valid_to }},
            snapshotted_data.{{ columns.dbt_scd_id }}
        from snapshotted_data
        cross join raw_now
        left join source_data on {{ same_key }}
        where {{ unique_key_is_null(strategy.unique_key, 'source_data') }} or {{ strategy.row_changed }}
    )

    select * from begun
    union all
    select * from ended
{% endmacro %}

{#- The newest run of the raw schema that a node is made of, as SQL; 0 for tables that the loaders did not bring. -#}
{% macro run_of_raw(node) %}
    {% set schemas = raw_schemas_of([node]) %}
    {% if schemas | length > 1 %}
        {{ exceptions.raise_compiler_error(
            node ~ ' is made of the raw schemas ' ~ schemas | join(' and ') ~ ', and each counts runs of its own: '
            ~ 'a history by run is of one; make one for each and join them'
        ) }}
    {% endif %}
    {{ return('(select max(run) from ' ~ adapter.quote(schemas[0]) ~ '._loads)' if schemas else 'cast(0 as bigint)') }}
{% endmacro %}

{#- The newest run that a history has seen, as SQL: by its note, or by its rows where the note was lost. -#}
{% macro run_seen_by(history, columns) %}
    {% set newest = 'greatest(' ~ columns.dbt_valid_from ~ ', coalesce(' ~ columns.dbt_valid_to ~ ', '
        ~ columns.dbt_valid_from ~ '))' %}
    {{ return(
        'coalesce((select max(run) from ' ~ histories_table() ~ ' where history = ' ~ history_name(history) ~ '), '
        ~ '(select max(' ~ newest ~ ') from ' ~ history ~ '), 0)'
    ) }}
{% endmacro %}

{#- The table that has a line for every history by run: the newest run that it has seen. -#}
{% macro histories_table() %}{{ return(adapter.quote(target.schema) ~ '._histories') }}{% endmacro %}

{% macro history_name(history) %}{{ return(text_literal(history.schema ~ '.' ~ history.identifier)) }}{% endmacro %}

{#- A history's hook: note, in the transaction that changed it, the run that it has seen now. -#}
{% macro note_run_seen() %}
    {% if execute and config.get('strategy') == 'by_run' %}
        {% set this_history = ' where history = ' ~ history_name(this) %}
        {% set run = run_of_raw(model.unique_id) %}
        {% call statement() %}
            delete from {{ histories_table() }}{{ this_history }} and run < {{ run }}
        {% endcall %}
        insert into {{ histories_table() }} (history, run)
        select {{ history_name(this) }}, noted.run
        from (select {{ run }} as run) as noted
        where not exists (select 1 from {{ histories_table() }}{{ this_history }})
    {% endif %}
{% endmacro %}

{% macro say_that_raw_is_older(run, seen, history) %}
    {% set found = run_query('select ' ~ run ~ ', ' ~ seen).rows[0] %}
    {% if found[0] < found[1] %}
        {% do exceptions.warn(
            'raw holds run ' ~ found[0] ~ ', and ' ~ history.schema ~ '.' ~ history.identifier ~ ' has seen run ' ~ found[1]
            ~ ': the history stays as it is until raw is there again (`make load`). Was the lake begun anew, so that runs '
            ~ 'count from 1 again? Then `python -m loaders dbt run-operation count_runs_anew` says so, once.'
        ) %}
    {% endif %}
{% endmacro %}
