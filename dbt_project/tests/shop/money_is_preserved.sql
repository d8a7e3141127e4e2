-- Not a cent is lost or made between raw and the mart.
with raw_money as (
    select
        coalesce(sum(amount), 0) as amount,
        coalesce(sum(delivery_fee), 0) as delivery_fee
    from {{ source('shop', 'order') }}
    where _deleted_at is null
),

mart_money as (
    select
        coalesce(sum(amount), 0) as amount,
        coalesce(sum(delivery_fee), 0) as delivery_fee
    from {{ ref('order_mart') }}
)

select
    raw_money.amount as raw_amount,
    mart_money.amount as mart_amount,
    raw_money.delivery_fee as raw_delivery_fee,
    mart_money.delivery_fee as mart_delivery_fee
from raw_money
cross join mart_money
where raw_money.amount <> mart_money.amount or raw_money.delivery_fee <> mart_money.delivery_fee
