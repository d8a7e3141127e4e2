with orders as (
    select * from {{ ref('base_shop__orders') }}
),

customers as (
    select * from {{ ref('base_shop__customers') }}
),

products as (
    select * from {{ ref('base_shop__products') }}
),

turns as (
    select * from {{ ref('stg_shop__clock_turns') }}
),

-- What was placed in a time that the clock showed twice counts as not observed from the run on that found it.
turned as (
    select
        orders.order_id,
        max(turns.run) as run
    from orders
    inner join turns
        on
            orders.ordered_at <= turns.had_come_to
            and (orders.ordered_at > turns.not_before or turns.not_before is null)
    group by orders.order_id
),

-- Customers and products that are gone are among them: their orders changed by that.
latest as (
    select
        orders.order_id,
        greatest(orders.run, coalesce(customers.run, 0), coalesce(products.run, 0), coalesce(turned.run, 0)) as run
    from orders
    left join customers on orders.customer_id = customers.customer_id
    left join products on orders.product_id = products.product_id
    left join turned on orders.order_id = turned.order_id
)

select * from latest
