{{ config(severity='warn') }}
-- A row that says it was changed, or ordered, after the server's own clock said it was read: a clock is wrong, or
-- the source's times are not in the zone that the catalog says (config.meta.time_zone). A minute is forgiven.
with moments as (
    select
        'customer' as source_table,
        updated_at as moment,
        extracted_at
    from {{ ref('stg_shop__customers') }}
    union all
    select
        'product' as source_table,
        updated_at as moment,
        extracted_at
    from {{ ref('stg_shop__products') }}
    union all
    select
        'order' as source_table,
        greatest(updated_at, ordered_at) as moment,
        extracted_at
    from {{ ref('stg_shop__orders') }}
)

select
    source_table,
    count(*) as times,
    min(moment) as first_moment,
    max(moment) as last_moment
from moments
where moment > extracted_at + interval '1 minute'
group by source_table
