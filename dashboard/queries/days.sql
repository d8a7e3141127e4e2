with chosen as (
    select * from {mart}{where}
)

select
    delivery_days,
    {orders} as orders
from chosen
where delivery_days is not null
group by delivery_days
order by delivery_days
