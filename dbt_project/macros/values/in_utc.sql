{#-
    A time as the source's rows hold it (MySQL's DATETIME has no zone), as the moment in UTC: the zone is what the catalog says
    of the source, `config.meta.time_zone` (UTC without it). Staging does this once, and moments behind it are in UTC. A
    TIMESTAMP column is in UTC already. The same SQL on DuckDB and Redshift.
-#}
{% macro in_utc(column, source_name='shop') %}
    {%- set zone = time_zone_of(source_name) -%}
    {%- if zone == 'UTC' -%}
        {{- column -}}
    {%- else -%}
        (({{ column }} at time zone {{ text_literal(zone) }}) at time zone 'UTC')
    {%- endif -%}
{% endmacro %}

{#- The other way: what clocks in a time zone showed at a moment in UTC. -#}
{% macro in_local_time(moment, zone) %}
    {%- if zone == 'UTC' -%}
        {{- moment -}}
    {%- else -%}
        {{- '((' ~ moment ~ " at time zone 'UTC') at time zone " ~ text_literal(zone) ~ ')' -}}
    {%- endif -%}
{% endmacro %}

{#- The time zone that a source's rows are written in. -#}
{% macro time_zone_of(source_name) %}
    {#- The first table will do: a schema may have thousands, and each of their times asks here. -#}
    {% set tables = graph.get('sources', {}).values() if execute else [] %}
    {% set table = tables | selectattr('source_name', 'equalto', source_name) | first %}
    {% set zone = table.config.meta.get('time_zone', 'UTC') if table else 'UTC' %}
    {{ return(known_zone(zone, 'the source ' ~ source_name ~ ' is', 'config.meta.time_zone in the sources YAML')) }}
{% endmacro %}

{#- The zone as it is; a name that nobody knows stops what reads it. -#}
{% macro known_zone(zone, what, where) %}
    {% if zone not in modules.pytz.all_timezones_set %}
        {{ exceptions.raise_compiler_error(
            what ~ ' said to be in the time zone ' ~ zone ~ ', which is none: write a name like Asia/Seoul under ' ~ where
        ) }}
    {% endif %}
    {{ return(zone) }}
{% endmacro %}
