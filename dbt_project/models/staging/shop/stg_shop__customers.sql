with source as (
    select * from {{ source('shop', 'customer') }}
),

renamed as (
    select
        -- ids
        customer_id,

        -- text
        name as customer_name,
        email,
        phone,
        country,
        address,
        loyalty_level,

        -- timestamps
        created_at,
        updated_at,
        _extracted_at as extracted_at
    from source
    where _deleted_at is null
)

select * from renamed
