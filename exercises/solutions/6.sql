select
    country,
    count(delivery_days) as delivered,
    round(avg(delivery_days), 2) as average_days
from {{ ref('order_mart') }}
group by country
