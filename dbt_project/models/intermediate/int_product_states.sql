with products as (
    select * from {{ ref('stg_shop__products') }}
),

clock as (
    select * from {{ ref('int_shop_clock') }}
),

states as (
    select
        products.product_id,
        products.product_name,
        products.category,
        products.seller_company,
        products.price,
        products.updated_at,
        products.extracted_at,
        clock.read_at
    from products
    cross join clock
)

select * from states
