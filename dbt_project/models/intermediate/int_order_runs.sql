with orders as (
    select * from {{ ref('base_shop__orders') }}
),

customers as (
    select * from {{ ref('base_shop__customers') }}
),

products as (
    select * from {{ ref('base_shop__products') }}
),

-- Customers and products that are gone are among them: their orders changed by that.
latest as (
    select
        orders.order_id,
        greatest(orders.run, coalesce(customers.run, 0), coalesce(products.run, 0)) as run
    from orders
    left join customers on orders.customer_id = customers.customer_id
    left join products on orders.product_id = products.product_id
)

select * from latest
