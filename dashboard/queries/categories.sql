with chosen as (
    select * from {mart}{where}
)

select
    category,
    count(*) as orders,
    sum(amount) as revenue
from chosen
group by category
order by revenue desc, category
