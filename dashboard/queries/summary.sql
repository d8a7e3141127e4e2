with chosen as (
    select
        *,
        case when ordered_at < date '{due_before}' then delivery_days end as due_days
    from {mart}{where}
)

select
    coalesce(sum(amount), 0) as revenue,
    coalesce(sum(net_amount), 0) as net_revenue,
    count(*) as orders,
    cast(
        (200 * cast(coalesce(sum(amount), 0) as bigint) + count(*))
        // (2 * nullif(count(*), 0)) as decimal(18, 0)
    ) * 0.01 as average_order,
    count(distinct customer_id) as customers,
    count(distinct product_id) as products,
    coalesce(sum(delivery_fee), 0) as fee_sum,
    cast(
        (cast(2 * sum(coalesce(delivery_fee, 0) * 100) as bigint) + count(*))
        // (2 * nullif(count(*), 0)) as decimal(18, 0)
    ) * 0.01 as fee_average,
    count(due_days) as due,
    count(case when due_days <= {on_time_days} then 1 end) as on_time,
    cast(
        (2000 * count(case when due_days <= {on_time_days} then 1 end) + count(due_days))
        // (2 * nullif(count(due_days), 0)) as decimal(18, 0)
    ) * 0.1 as on_time_percent
from chosen
