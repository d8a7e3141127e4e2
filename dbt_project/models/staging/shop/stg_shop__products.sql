with products as (
    select * from {{ ref('base_shop__products') }}
),

live as (
    select
        -- ids
        product_id,

        -- text
        product_name,
        category,
        seller_company,

        -- numerics
        price,
        weight_kg,

        -- timestamps
        created_at,
        updated_at,
        extracted_at
    from products
    where not is_gone
)

select * from live
