with customers as (
    select * from {{ ref('stg_shop__customers') }}
),

products as (
    select * from {{ ref('stg_shop__products') }}
),

orders as (
    select * from {{ ref('stg_shop__orders') }}
),

moments as (
    select
        updated_at as moment,
        extracted_at
    from customers
    union all
    select
        updated_at as moment,
        extracted_at
    from products
    union all
    select
        updated_at as moment,
        extracted_at
    from orders
    union all
    select
        ordered_at as moment,
        extracted_at
    from orders
),

-- A row that is dated after it was read tells nothing of the time.
clock as (
    select
        coalesce(
            max(case when moment <= extracted_at then moment end),
            max(extracted_at)
        ) as read_at
    from moments
)

select * from clock
