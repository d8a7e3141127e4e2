-- Every live order is in the mart once and whole, and the mart has no other. Whole: a cast to the contract's widths and
-- scales has cut and rounded nothing, which Redshift would do without a word.
with mart as (
    select
        *,
        count(*) over (partition by order_id) as times
    from {{ ref('order_mart') }}
),

staged as (
    select
        orders.*,
        customers.country,
        customers.loyalty_level,
        products.product_name,
        products.category,
        products.seller_company,
        products.price
    from {{ ref('stg_shop__orders') }} as orders
    left join {{ ref('stg_shop__customers') }} as customers on orders.customer_id = customers.customer_id
    left join {{ ref('stg_shop__products') }} as products on orders.product_id = products.product_id
)

select
    staged.order_id as ordered,
    mart.order_id as in_mart,
    mart.times
from staged
full outer join mart on staged.order_id = mart.order_id
where
    staged.order_id is null
    or mart.order_id is null
    or mart.times <> 1
    or mart.delivery_id <> staged.delivery_id
    or mart.country <> staged.country
    or mart.loyalty_level <> staged.loyalty_level
    or mart.product_name <> staged.product_name
    or mart.category <> staged.category
    or mart.seller_company <> staged.seller_company
    or mart.status <> staged.status
    or mart.quantity <> staged.quantity
    or mart.price <> staged.price
    or mart.delivery_fee <> staged.delivery_fee
    or mart.ordered_at <> staged.ordered_at
    or mart.delivered_at <> staged.delivered_at
