with customers as (
    select * from {{ ref('base_shop__customers') }}
),

live as (
    select
        -- ids
        customer_id,

        -- text
        customer_name,
        email,
        phone,
        country,
        address,
        loyalty_level,

        -- timestamps
        created_at,
        updated_at,
        extracted_at
    from customers
    where not is_gone
)

select * from live
