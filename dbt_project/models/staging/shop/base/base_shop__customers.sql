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
        {{ in_utc('created_at') }} as created_at,
        {{ in_utc('updated_at') }} as updated_at,
        _extracted_at as extracted_at,

        -- lineage
        _run as run,
        _deleted_at is not null as is_gone
    from source
)

select * from renamed
