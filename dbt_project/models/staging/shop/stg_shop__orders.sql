with source as (
    select * from {{ source('shop', 'order') }}
),

renamed as (
    select
        -- ids
        order_id,
        customer_id,
        product_id,
        delivery_id,

        -- text
        status,
        request,

        -- numerics
        quantity,
        amount,
        delivery_fee,

        -- timestamps
        order_date as ordered_at,
        shipping_date as delivered_at,
        created_at,
        updated_at,
        _extracted_at as extracted_at
    from source
    where _deleted_at is null
)

select * from renamed
