with chosen as (
    select * from {mart}{where}
),

spans as (
    select
        case
            when delivery_hours <= 24 then 24
            when delivery_hours <= 48 then 48
            when delivery_hours <= 72 then 72
            when delivery_hours <= 96 then 96
            when delivery_hours <= 120 then 120
            when delivery_hours <= 144 then 144
            when delivery_hours <= 168 then 168
            else 9999
        end as up_to_hours,
        count(*) as orders
    from chosen
    where delivery_hours is not null
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
