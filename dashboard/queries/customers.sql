with chosen as (
    select * from {mart}{where}
)

select
    customer_id,
    count(*) as orders,
    sum(amount) as revenue,
    coalesce(sum(delivery_fee), 0) as fee_sum,
    cast(
        (cast(2 * sum(coalesce(delivery_fee, 0) * 100) as bigint) + count(*))
        // (2 * count(*)) as decimal(18, 0)
    ) * 0.01 as fee_average
from chosen
group by customer_id
order by orders desc, customer_id
