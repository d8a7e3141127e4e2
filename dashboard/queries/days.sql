with chosen as (
    select * from {mart}{where}
)

select
    delivery_days,
    count(*) as orders
from chosen
where delivery_days is not null
group by delivery_days
order by delivery_days
