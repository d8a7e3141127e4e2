-- How long deliveries took: whole days, and spans of 24 hours, the end included, by the moments themselves; 8: beyond 168.
select
    {period} as period,
    country,
    category,
    loyalty_level,
    delivery_days,
    case
        when delivered_at <= ordered_at + interval '24 hours' then 1
        when delivered_at <= ordered_at + interval '48 hours' then 2
        when delivered_at <= ordered_at + interval '72 hours' then 3
        when delivered_at <= ordered_at + interval '96 hours' then 4
        when delivered_at <= ordered_at + interval '120 hours' then 5
        when delivered_at <= ordered_at + interval '144 hours' then 6
        when delivered_at <= ordered_at + interval '168 hours' then 7
        when delivered_at > ordered_at + interval '168 hours' then 8
    end as span,
    {orders} as orders
from {mart}
group by 1, 2, 3, 4, 5, 6
order by 1, 2, 3, 4, 5, 6
