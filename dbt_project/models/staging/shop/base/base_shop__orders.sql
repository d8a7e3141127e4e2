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
        {{ in_utc('order_date') }} as ordered_at,
        {{ in_utc('shipping_date') }} as delivered_at,
        {{ in_utc('created_at') }} as created_at,
        {{ in_utc('updated_at') }} as updated_at,
        _extracted_at as extracted_at,

        -- lineage
        _run as run,
        _deleted_at is not null as is_gone
    from source
)

select * from renamed
