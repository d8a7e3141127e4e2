{{ config(dist='order_id', sort='ordered_at') }}

with orders as (
    select * from {{ ref('stg_shop__orders') }}
),

customers as (
    select * from {{ ref('stg_shop__customers') }}
),

products as (
    select * from {{ ref('stg_shop__products') }}
),

-- Left joins: an order whose customer or product is missing must fail a test, not vanish.
joined as (
    select
        orders.order_id,
        orders.customer_id,
        orders.product_id,
        orders.delivery_id,
        customers.country,
        customers.loyalty_level,
        products.product_name,
        products.category,
        products.seller_company,
        orders.status,
        orders.quantity,
        orders.amount,
        products.price,
        orders.delivery_fee,
        {{ dbt.datediff('orders.ordered_at', 'orders.delivered_at', 'day') }} as delivery_days,
        {{ hours_between('orders.ordered_at', 'orders.delivered_at') }} as delivery_hours,
        -- Trimmed, because Redshift holds a text of blanks equal to '' and DuckDB does not.
        coalesce(trim(orders.request), '') <> '' as has_request,
        orders.ordered_at,
        orders.delivered_at
    from orders
    left join customers on orders.customer_id = customers.customer_id
    left join products on orders.product_id = products.product_id
),

-- One contract for every engine: each column says its type, widths in bytes (Redshift counts them so).
typed as (
    select
        cast(order_id as bigint) as order_id,
        cast(customer_id as integer) as customer_id,
        cast(product_id as integer) as product_id,
        cast(delivery_id as varchar(80)) as delivery_id,
        cast(country as varchar(200)) as country,
        cast(loyalty_level as varchar(80)) as loyalty_level,
        cast(product_name as varchar(600)) as product_name,
        cast(category as varchar(200)) as category,
        cast(seller_company as varchar(400)) as seller_company,
        cast(status as varchar(80)) as status,
        cast(quantity as integer) as quantity,
        cast(amount as integer) as amount,
        cast(price as decimal(10, 2)) as price,
        cast(delivery_fee as decimal(10, 2)) as delivery_fee,
        cast(delivery_days as integer) as delivery_days,
        cast(delivery_hours as decimal(12, 2)) as delivery_hours,
        cast(has_request as boolean) as has_request,
        cast(ordered_at as timestamp) as ordered_at,
        cast(delivered_at as timestamp) as delivered_at
    from joined
)

select * from typed
