with orders as (
    select * from {{ ref('order_mart') }}
),

totals as (
    select
        country,
        seller_company,
        count(delivery_days) as delivered_orders,
        count(case when is_on_time then order_id end) as on_time_orders,
        coalesce(sum(delivery_days), 0) as delivery_days,
        coalesce(sum(delivery_hours), 0) as delivery_hours,
        coalesce(sum(cast(delivery_hours * 100 as bigint)), 0) as hundredths_of_hours,
        {{- order_totals() }}
    from orders
    group by 1, 2
),

typed as (
    select
        cast(country as varchar(200)) as country,
        cast(seller_company as varchar(400)) as seller_company,
        orders,
        cancelled_orders,
        returned_orders,
        cast(delivered_orders as bigint) as delivered_orders,
        cast(on_time_orders as bigint) as on_time_orders,
        cast({{ rounded_quotient('on_time_orders', 'delivered_orders', 4) }} as decimal(5, 4)) as on_time_share,
        cast(delivery_days as bigint) as delivery_days,
        cast(delivery_hours as decimal(18, 2)) as delivery_hours,
        cast({{ rounded_quotient('delivery_days', 'delivered_orders', 2) }} as decimal(12, 2)) as average_delivery_days,
        cast({{ rounded_quotient('hundredths_of_hours', '100 * delivered_orders', 2) }} as decimal(12, 2))
            as average_delivery_hours,
        units,
        revenue,
        net_revenue,
        delivery_fees
    from totals
)

select * from typed
