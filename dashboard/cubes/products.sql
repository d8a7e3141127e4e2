-- What was ordered, when, by whom: gives the products and their units.
select
    {period} as period,
    product_id,
    product_name,
    category,
    country,
    loyalty_level,
    status,
    {orders} as orders,
    {units} as units,
    {revenue} as revenue
from {mart}
group by 1, 2, 3, 4, 5, 6, 7
order by 1, 2, 5, 6, 7
