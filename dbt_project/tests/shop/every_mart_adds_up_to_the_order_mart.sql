-- Orders and money of every mart are those of the order mart, to the last digit.
{% set marts = ['customer_mart', 'product_mart', 'daily_sales_mart', 'delivery_mart', 'retention_mart'] -%}
{% set totals = ['orders', 'cancelled_orders', 'returned_orders', 'units', 'revenue', 'delivery_fees'] -%}

with expected as (
    select {{ order_totals() }}
    from {{ ref('order_mart') }}
),

found as (
    {% for mart in marts %}
        select
            '{{ mart }}' as mart,
            {% for total in totals %}
                coalesce(sum({{ total }}), 0) as {{ total }},
            {% endfor %}
            coalesce(sum({{ 'lifetime_value' if mart == 'customer_mart' else 'net_revenue' }}), 0) as net_revenue
        from {{ ref(mart) }}
        {{ 'union all' if not loop.last }}
    {% endfor %}
)

select found.*
from found
cross join expected
where
    found.net_revenue <> expected.net_revenue
    {% for total in totals %}
        or found.{{ total }} <> expected.{{ total }}
    {% endfor %}
