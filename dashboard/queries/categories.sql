with chosen as (
    select * from {mart}{where}
)

select
    category,
    {orders} as orders,
    {revenue} as revenue
from chosen
group by category
order by revenue desc, category
