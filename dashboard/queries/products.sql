with chosen as (
    select * from {mart}{where}
)

select
    product_id,
    product_name,
    category,
    count(*) as orders,
    coalesce(sum(quantity), 0) as units,
    sum(amount) as revenue
from chosen
group by product_id, product_name, category
order by revenue desc, product_id
