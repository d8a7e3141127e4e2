select
    customer_id,
    country,
    loyalty_level,
    count(*) as orders,
    sum(amount) as revenue
from analytics.order_mart
group by customer_id, country, loyalty_level
order by revenue desc, customer_id
limit 10
