with orders as (
    select * from {{ source('shop', 'order') }}
),

customers as (
    select * from {{ source('shop', 'customer') }}
),

products as (
    select * from {{ source('shop', 'product') }}
),

-- Customers and products that are gone are among them: their orders changed by that.
latest as (
    select
        orders.order_id,
        greatest(orders._run, coalesce(customers._run, 0), coalesce(products._run, 0)) as run
    from orders
    left join customers on orders.customer_id = customers.customer_id
    left join products on orders.product_id = products.product_id
)

select * from latest
