-- On time: delivered at most {on_time_days} calendar days after the order. Only orders whose {on_time_days} days are over count:
-- of younger ones only those that were quick are delivered by now.
with chosen as (
    select * from {mart}{where}
),

delivered as (
    select
        country,
        {delivered_orders} as due,
        {on_time_orders} as on_time
    from chosen
    where
        delivery_days is not null
        and ordered_on < date '{due_before}'
    group by country
)

select
    country,
    due,
    on_time,
    cast((2000 * on_time + due) // (2 * due) as decimal(18, 0)) * 0.1 as on_time_percent
from delivered
order by due desc, country
