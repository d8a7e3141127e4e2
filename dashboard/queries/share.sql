with chosen as (
    select * from {mart}{where}
),

countries as (
    select
        country,
        {orders} as orders
    from chosen
    group by country
)

select
    country,
    orders,
    cast(
        cast(2000 * orders + sum(orders) over () as bigint)
        // cast(2 * sum(orders) over () as bigint) as decimal(18, 0)
    ) * 0.1 as percent_of_orders
from countries
order by orders desc, country
