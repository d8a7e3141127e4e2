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
        {{ in_utc('created_at') }} as created_at,
        {{ in_utc('updated_at') }} as updated_at,
        _extracted_at as extracted_at,

        -- lineage
        _run as run,
        _deleted_at is not null as is_gone
    from source
)

select * from renamed
