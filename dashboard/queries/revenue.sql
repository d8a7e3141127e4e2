with present as (
    select
        cast(date_trunc('{bin}', ordered_on) as date) as period,
        {orders} as orders,
        {revenue} as revenue
    from {mart}{where}
    group by 1
),

-- The period before, moved forward onto the present one.
past as (
    select
        cast(date_trunc('{bin}', ordered_on + interval '{shift}') as date) as period,
        {orders} as orders,
        {revenue} as revenue
    from {mart}{where_before}
    group by 1
)

select
    coalesce(present.period, past.period) as period,
    coalesce(present.orders, 0) as orders,
    coalesce(present.revenue, 0) as revenue,
    coalesce(past.orders, 0) as orders_before,
    coalesce(past.revenue, 0) as revenue_before
from present
full outer join past on present.period = past.period
order by 1
