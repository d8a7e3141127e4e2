-- Who ordered what kind of thing, when: gives orders, money, customers, countries, categories and retention.
select
    {period} as period,
    customer_id,
    country,
    loyalty_level,
    category,
    status,
    {orders} as orders,
    {revenue} as revenue,
    {net_revenue} as net_revenue,
    cast(100 * {delivery_fees} as bigint) as fee_cents
from {mart}
group by 1, 2, 3, 4, 5, 6
order by 1, 2, 5, 6
