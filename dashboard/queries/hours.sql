-- By the moments themselves: `delivery_hours` is rounded to hundredths.
with chosen as (
    select * from {mart}{where}
),

spans as (
    select
        case
            when delivered_at <= ordered_at + interval '24 hours' then 24
            when delivered_at <= ordered_at + interval '48 hours' then 48
            when delivered_at <= ordered_at + interval '72 hours' then 72
            when delivered_at <= ordered_at + interval '96 hours' then 96
            when delivered_at <= ordered_at + interval '120 hours' then 120
            when delivered_at <= ordered_at + interval '144 hours' then 144
            when delivered_at <= ordered_at + interval '168 hours' then 168
            else 9999
        end as up_to_hours,
        {orders} as orders
    from chosen
    where delivered_at is not null
    group by 1
)

select
    up_to_hours,
    orders,
    cast(
        cast(2000 * orders + sum(orders) over () as bigint)
        // cast(2 * sum(orders) over () as bigint) as decimal(18, 0)
    ) * 0.1 as percent_of_orders
from spans
order by up_to_hours
