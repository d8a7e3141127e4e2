-- On time: delivered at most {on_time_days} calendar days after the order.
with chosen as (
    select * from {mart}{where}
),

delivered as (
    select
        country,
        count(*) as delivered,
        count(case when delivery_days <= {on_time_days} then 1 end) as on_time
    from chosen
    where delivery_days is not null
    group by country
)

select
    country,
    delivered,
    on_time,
    cast((2000 * on_time + delivered) // (2 * delivered) as decimal(18, 0)) * 0.1 as on_time_percent
from delivered
order by delivered desc, country
