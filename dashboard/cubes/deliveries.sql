-- How long deliveries took: whole days, and spans of 24 hours, the end included, by the moments themselves; 8: beyond 168.
select
    {period} as period,
    country,
    category,
    loyalty_level,
    status,
    delivery_days,
    {span} as span,
    {orders} as orders
from {mart}
group by 1, 2, 3, 4, 5, 6, 7
order by 1, 2, 3, 4, 5, 6, 7
