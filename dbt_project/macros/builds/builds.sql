{#- The table that has a line for every build and raw schema: which run the build read, and which was there at its end. -#}
{% macro builds_table() %}{{ adapter.quote(target.schema) }}._builds{% endmacro %}

{#-
    Note the run that raw holds, before the first model reads it. Builds have numbers, which the warehouse gives: the clock of
    the machine that builds is shown, and decides nothing.
-#}
{% macro begin_build() %}
    {% if execute and flags.WHICH in ('build', 'run', 'snapshot') %}
        {% do make_notes_of_builds() %}
        {# Of two builds that begin at once in Redshift the second one waits for the first one's number. #}
        {% set alone = ['lock ' ~ builds_table()] if target.type == 'redshift' else [] %}
        {% for raw in raw_schemas_of(selected_resources) %}
            {% do commit_alone(alone + [
                'insert into ' ~ builds_table() ~ ' (build, invocation_id, raw_schema, run, attempt, started_at) select '
                ~ '(select coalesce(max(build), 0) + 1 from ' ~ builds_table() ~ '), '
                ~ text_literal(invocation_id) ~ ', ' ~ text_literal(raw) ~ ', run, attempt, ' ~ utc_now()
                ~ ' from ' ~ adapter.quote(raw) ~ '._loads order by run desc limit 1'
            ]) %}
        {% endfor %}
    {% endif %}
{% endmacro %}

{#- Make the tables of notes where they are not there. Notes of builds without numbers are of no use: builds make anew. -#}
{% macro make_notes_of_builds() %}
    {% set there = adapter.get_relation(target.database, target.schema, '_builds') %}
    {% if there and 'build' not in adapter.get_columns_in_relation(there) | map(attribute='name') %}
        {% do commit_alone(['drop table ' ~ builds_table()]) %}
    {% elif there and 'time_zone' not in adapter.get_columns_in_relation(there) | map(attribute='name') %}
        {% do commit_alone(['alter table ' ~ builds_table() ~ ' add column time_zone varchar(64)']) %}
    {% endif %}
    {% do commit_alone([
        'create table if not exists ' ~ builds_table() ~ ' (build bigint, invocation_id varchar(64),'
        ~ ' raw_schema varchar(256), run bigint, attempt varchar(64), started_at timestamp, ended_at timestamp,'
        ~ ' run_at_end bigint, attempt_at_end varchar(64), order_mart varchar(64), time_zone varchar(64))',
        'create table if not exists ' ~ histories_table() ~ ' (history varchar(512), run bigint)',
    ]) %}
{% endmacro %}

{#- Note the run that raw holds now, and fail if it is not the one that the build began with: parts may be of either. -#}
{% macro end_build() %}
    {% if execute and flags.WHICH in ('build', 'run', 'snapshot') %}
        {% set this_build = ' where invocation_id = ' ~ text_literal(invocation_id) %}
        {% for raw in raw_schemas_of(selected_resources) %}
            {% set newest = ' from ' ~ adapter.quote(raw) ~ '._loads order by run desc limit 1)' %}
            {% do commit_alone([
                'update ' ~ builds_table() ~ ' set ended_at = ' ~ utc_now() ~ ', run_at_end = (select run' ~ newest
                ~ ', attempt_at_end = (select attempt' ~ newest ~ this_build
                ~ ' and raw_schema = ' ~ text_literal(raw)
            ]) %}
        {% endfor %}
        {% set moved = run_query(
            'select raw_schema, run, run_at_end from ' ~ builds_table() ~ this_build
            ~ ' and (run <> run_at_end or attempt <> attempt_at_end or run_at_end is null) order by raw_schema'
        ) %}
        {% for line in moved.rows[:1] %}
            {{ fail(
                'the schema ' ~ line[0] ~ ' moved under this build: it began with run ' ~ line[1] ~ ' and ended with run '
                ~ line[2] ~ ', so its tables may be of either: run `make build` again, while no `make extract` runs'
            ) }}
        {% endfor %}
    {% endif %}
{% endmacro %}

{#- The raw schemas that these nodes are made of and that the loaders have filled, sorted. -#}
{% macro raw_schemas_of(nodes) %}
    {% set schemas = [] %}
    {% for source in ancestors(nodes) if source in graph.sources %}
        {% set table = graph.sources[source] %}
        {% if table.schema not in schemas and adapter.get_relation(table.database, table.schema, '_loads') %}
            {% do schemas.append(table.schema) %}
        {% endif %}
    {% endfor %}
    {{ return(schemas | sort) }}
{% endmacro %}

{% macro utc_now() %}
    {{- return("cast('" ~ modules.datetime.datetime.now(modules.pytz.utc).strftime('%Y-%m-%d %H:%M:%S.%f') ~ "' as timestamp)") -}}
{% endmacro %}

{#- A hook's own transaction, and not a part of whatever is open, which nobody may commit. -#}
{% macro commit_alone(statements) %}
    {% for sql in statements %}
        {% call statement() %}{{ sql }}{% endcall %}
    {% endfor %}
    {% do adapter.commit() %}
{% endmacro %}

{#- SQL that fails with this message. An exception in a hook at the end would have dbt tell of a keyboard interrupt. -#}
{% macro fail(message) %}{{ adapter.dispatch('fail')(message) }}{% endmacro %}

{% macro duckdb__fail(message) %}select error({{ text_literal(message) }}){% endmacro %}

{% macro default__fail(message) %}
    {%- do log(message, info=true) -%}
    select cast({{ text_literal(message) }} as integer)
{%- endmacro %}
