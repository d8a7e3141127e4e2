{{ config(sort='order_date') }}

with orders as (
    select
        *,
        ordered_on as order_date
    from {{ ref('order_mart') }}
),

shelves as (
    select distinct
        country,
        category
    from orders
),

trade as (
    select
        min(order_date) as first_date,
        max(order_date) as last_date
    from orders
),

-- The last 10,000 days at most: one order dated in the year 1 must not make a million empty days.
numbers as (
    {{ dbt.generate_series(10000) }}
),

days as (
    select
        cast({{ dbt.dateadd('day', 'cast(1 - numbers.generated_number as integer)', 'trade.last_date') }} as date)
            as order_date
    from trade
    cross join numbers
    where numbers.generated_number <= 1 + {{ dbt.datediff('trade.first_date', 'trade.last_date', 'day') }}
),

-- A row for every day, country and category, so that days without an order are there too.
complete as (
    select
        order_date,
        country,
        category,
        order_id,
        status,
        quantity,
        amount,
        net_amount,
        delivery_fee
    from orders
    union all
    select
        days.order_date,
        shelves.country,
        shelves.category,
        null as order_id,
        null as status,
        null as quantity,
        null as amount,
        null as net_amount,
        null as delivery_fee
    from days
    cross join shelves
),

totals as (
    select
        cast(order_date as date) as order_date,
        cast(country as varchar(200)) as country,
        cast(category as varchar(200)) as category,
        {{- order_totals() }}
    from complete
    group by 1, 2, 3
)

select * from totals
