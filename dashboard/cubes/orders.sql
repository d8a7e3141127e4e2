-- The orders themselves, of a shop that is small enough to have them on the page: what the other three add up.
select
    order_id,
    {period} as period,
    customer_id,
    country,
    loyalty_level,
    product_id,
    product_name,
    category,
    status,
    {units} as units,
    {revenue} as revenue,
    {net_revenue} as net_revenue,
    cast(100 * {delivery_fees} as bigint) as fee_cents,
    delivery_days,
    {span} as span
from {mart}
group by 1, 2, 3, 4, 5, 6, 7, 8, 9, 14, 15
order by 1
