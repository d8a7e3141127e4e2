-- How long deliveries took: whole days, and hours by spans of 24, the end included; 8 stands for all beyond 168.
select
    {period} as period,
    country,
    category,
    loyalty_level,
    delivery_days,
    case
        when delivery_hours <= 24 then 1
        when delivery_hours <= 48 then 2
        when delivery_hours <= 72 then 3
        when delivery_hours <= 96 then 4
        when delivery_hours <= 120 then 5
        when delivery_hours <= 144 then 6
        when delivery_hours <= 168 then 7
        when delivery_hours > 168 then 8
    end as span,
    count(*) as orders
from {mart}
group by 1, 2, 3, 4, 5, 6
order by 1, 2, 3, 4, 5, 6
