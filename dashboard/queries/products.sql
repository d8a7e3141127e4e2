with chosen as (
    select * from {mart}{where}
)

select
    product_id,
    product_name,
    category,
    {orders} as orders,
    {units} as units,
    {revenue} as revenue
from chosen
group by product_id, product_name, category
order by revenue desc, product_id
