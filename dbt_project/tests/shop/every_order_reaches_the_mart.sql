-- Every live order is in the mart once, and the mart has no other.
with mart as (
    select
        order_id,
        count(*) as times
    from {{ ref('order_mart') }}
    group by order_id
),

orders as (
    select order_id from {{ ref('stg_shop__orders') }}
)

select
    orders.order_id as ordered,
    mart.order_id as in_mart,
    mart.times
from orders
full outer join mart on orders.order_id = mart.order_id
where orders.order_id is null or mart.order_id is null or mart.times <> 1
