with customers as (
    select * from {{ ref('stg_shop__customers') }}
),

clock as (
    select * from {{ ref('int_shop_clock') }}
),

states as (
    select
        customers.customer_id,
        customers.country,
        customers.loyalty_level,
        customers.updated_at,
        customers.extracted_at,
        clock.read_at
    from customers
    cross join clock
)

select * from states
