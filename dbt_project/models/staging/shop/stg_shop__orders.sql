with orders as (
    select * from {{ ref('base_shop__orders') }}
),

live as (
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
        ordered_at,
        delivered_at,
        created_at,
        updated_at,
        extracted_at,

        -- lineage
        run
    from orders
    where not is_gone
)

select * from live
