with products as (
    select
        product_id as listed_id,
        product_name as listed_name,
        category as listed_category,
        seller_company as listed_seller,
        price as listed_price
    from {{ ref('stg_shop__products') }}
),

orders as (
    select * from {{ ref('order_mart') }}
),

-- A full join: products that nobody ordered are here, and so would be orders without a product.
totals as (
    select
        coalesce(products.listed_id, orders.product_id) as product_id,
        max(products.listed_name) as product_name,
        max(products.listed_category) as category,
        max(products.listed_seller) as seller_company,
        max(products.listed_price) as price,
        count(distinct orders.customer_id) as customers,
        min(orders.ordered_at) as first_ordered_at,
        max(orders.ordered_at) as last_ordered_at,
        {{- order_totals() }}
    from products
    full outer join orders on products.listed_id = orders.product_id
    group by 1
),

typed as (
    select
        cast(product_id as integer) as product_id,
        cast(product_name as varchar(600)) as product_name,
        cast(category as varchar(200)) as category,
        cast(seller_company as varchar(400)) as seller_company,
        orders,
        cancelled_orders,
        returned_orders,
        cast({{ rounded_quotient('returned_orders', 'orders - cancelled_orders', 4) }} as decimal(5, 4))
            as return_share,
        cast(customers as bigint) as customers,
        units,
        revenue,
        net_revenue,
        cast(rank() over (order by net_revenue desc) as integer) as revenue_rank,
        cast(rank() over (partition by category order by net_revenue desc) as integer) as revenue_rank_in_category,
        delivery_fees,
        cast(price as decimal(10, 2)) as price,
        cast(first_ordered_at as timestamp) as first_ordered_at,
        cast(last_ordered_at as timestamp) as last_ordered_at
    from totals
)

select * from typed
