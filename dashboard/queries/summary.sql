with chosen as (
    select * from {mart}{where}
)

select
    coalesce(sum(amount), 0) as revenue,
    count(*) as orders,
    count(distinct customer_id) as customers,
    count(distinct product_id) as products,
    coalesce(sum(delivery_fee), 0) as fee_sum,
    cast(
        (cast(2 * sum(coalesce(delivery_fee, 0) * 100) as bigint) + count(*))
        // (2 * nullif(count(*), 0)) as decimal(18, 0)
    ) * 0.01 as fee_average,
    count(delivery_days) as delivered,
    count(case when delivery_days <= {on_time_days} then 1 end) as on_time,
    cast(
        (2000 * count(case when delivery_days <= {on_time_days} then 1 end) + count(delivery_days))
        // (2 * nullif(count(delivery_days), 0)) as decimal(18, 0)
    ) * 0.1 as on_time_percent
from chosen
