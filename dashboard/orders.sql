with chosen as (
    select * from {mart}{where}
)

select
    order_id,
    ordered_on,
    status,
    customer_id,
    product_id,
    amount,
    delivery_days
from chosen
order by order_id
