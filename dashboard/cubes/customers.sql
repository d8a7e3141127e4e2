-- Who ordered what kind of thing, when: gives orders, money, customers, countries, categories and retention.
select
    {period} as period,
    customer_id,
    country,
    loyalty_level,
    category,
    count(*) as orders,
    sum(amount) as revenue,
    coalesce(sum(net_amount), 0) as net_revenue,
    coalesce(sum(cast(delivery_fee * 100 as bigint)), 0) as fee_cents
from {mart}
group by 1, 2, 3, 4, 5
order by 1, 2, 5
