-- Copy this to begin a mart of your own; there, take the next line away, and read a staging view of yours.
{{ config(enabled=false) }}

with orders as (
    select * from {{ ref('stg_shop__orders') }}
),

per_status as (
    select
        status,
        count(*) as orders
    from orders
    group by status
)

select * from per_status
