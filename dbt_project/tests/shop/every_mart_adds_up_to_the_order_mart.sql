-- Orders and money of every mart are those of the order mart, to the last digit.
with totals as (
    select
        'order_mart' as mart,
        {{- order_totals() }}
    from {{ ref('order_mart') }}
{%- for mart in ['customer_mart', 'product_mart', 'daily_sales_mart', 'delivery_mart', 'retention_mart'] %}
    union all
    select
        '{{ mart }}' as mart,
        coalesce(sum(orders), 0) as orders,
        coalesce(sum(cancelled_orders), 0) as cancelled_orders,
        coalesce(sum(returned_orders), 0) as returned_orders,
        coalesce(sum(units), 0) as units,
        coalesce(sum(revenue), 0) as revenue,
        coalesce(sum({{ 'lifetime_value' if mart == 'customer_mart' else 'net_revenue' }}), 0) as net_revenue,
        coalesce(sum(delivery_fees), 0) as delivery_fees
    from {{ ref(mart) }}
{%- endfor %}
)

select totals.*
from totals
inner join totals as expected on expected.mart = 'order_mart'
where
    totals.orders <> expected.orders
    or totals.cancelled_orders <> expected.cancelled_orders
    or totals.returned_orders <> expected.returned_orders
    or totals.units <> expected.units
    or totals.revenue <> expected.revenue
    or totals.net_revenue <> expected.net_revenue
    or totals.delivery_fees <> expected.delivery_fees
