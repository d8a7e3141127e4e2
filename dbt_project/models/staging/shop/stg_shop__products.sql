with source as (
    select * from {{ source('shop', 'product') }}
),

renamed as (
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
        _extracted_at as extracted_at
    from source
    where _deleted_at is null
)

select * from renamed
