{{ config(severity='warn') }}
-- Where the source's clocks are put back, an hour is there twice, and where they are put forward, one is not there at
-- all: which moment a time in these hours is, nobody can tell. It counts as the later one. In UTC there are none.
{% set times = {
    'customer': ['created_at', 'updated_at'],
    'product': ['created_at', 'updated_at'],
    'order': ['created_at', 'updated_at', 'order_date', 'shipping_date'],
} -%}

{% set zone = time_zone_of('shop') -%}

with times as (
    {% for table, columns in times.items() %}
        {% set outer_loop = loop -%}
        {% for column in columns %}
            select
                '{{ table }}.{{ column }}' as source_column,
                {{ column }} as local_time
            from {{ source('shop', table) }}
            where _deleted_at is null
            {{ 'union all' if not (loop.last and outer_loop.last) }}
        {% endfor %}
    {% endfor %}
),

moments as (
    select
        source_column,
        local_time,
        {{ in_utc('local_time') }} as moment
    from times
),

shown as (
    select
        *,
        {{ in_local_time('moment', zone) }} as local_then,
        {{ in_local_time("(moment - interval '1 hour')", zone) }} as an_hour_before,
        {{ in_local_time("(moment + interval '1 hour')", zone) }} as an_hour_after
    from moments
)

select
    source_column,
    case when local_time <> local_then then 'an hour that is not there' else 'an hour that is there twice' end as what,
    count(*) as times,
    min(local_time) as first_time,
    max(local_time) as last_time
from shown
where local_time <> local_then or local_time = an_hour_before or local_time = an_hour_after
group by 1, 2
