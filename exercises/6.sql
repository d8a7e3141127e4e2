-- Exercise 6: how many orders of each country were delivered, and after how many days on average (two decimals)?
-- Two things are wrong: an order that is still on its way counts as delivered, and as delivered after 0 days.
--
-- Then: make check-exercise N=6
select
    country,
    count(*) as delivered,
    round(avg(coalesce(delivery_days, 0)), 2) as average_days
from {{ ref('order_mart') }}
group by country
