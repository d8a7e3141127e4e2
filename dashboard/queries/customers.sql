with chosen as (
    select * from {mart}{where}
)

select
    customer_id,
    {orders} as orders,
    {revenue} as revenue,
    {delivery_fees} as fee_sum,
    cast((cast(200 * {delivery_fees} as bigint) + {orders}) // (2 * {orders}) as decimal(18, 0)) * 0.01 as fee_average
from chosen
group by customer_id
order by orders desc, customer_id
