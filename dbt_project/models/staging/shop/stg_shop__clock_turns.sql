{#- The loaders' own record of runs: not a table of the catalog, so a name beside it. A raw made by hand has none. -#}
{% set raw_orders = source('shop', 'order') -%}
{% set has_loads = execute and adapter.get_relation(raw_orders.database, raw_orders.schema, '_loads') -%}

with runs as (
    {% if has_loads %}
        select
            run,
            max(snapshot_at) as snapshot_at
        from {{ adapter.quote(raw_orders.schema) }}._loads
        group by run
    {% else %}
        select
            cast(null as bigint) as run,
            cast(null as timestamp) as snapshot_at
    {% endif %}
),

followed as (
    select
        *,
        lag(snapshot_at) over (order by run) as previous_at,
        max(snapshot_at) over (order by run rows between unbounded preceding and 1 preceding) as had_come_to
    from runs
),

turned as (
    select * from followed
    where snapshot_at < previous_at
),

turns as (
    select
        turned.run,
        turned.snapshot_at,
        turned.had_come_to,
        max(earlier.snapshot_at) as not_before
    from turned
    left join runs as earlier on turned.run > earlier.run and turned.snapshot_at > earlier.snapshot_at
    group by turned.run, turned.snapshot_at, turned.had_come_to
)

select * from turns
