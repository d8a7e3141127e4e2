{#-
    The totals that every mart has, over rows of the order mart (an outer join's empty rows count as no order):
    orders of every status and what was charged for them, and beside them what is left without the cancelled and returned.
    What revenue means is said by its metric (models/marts/order_mart.yml), of whose queries no mart can be built: that
    the marts add up to the order mart is tested by tests/shop/every_mart_adds_up_to_the_order_mart.sql.
-#}
{% macro order_totals() %}
        cast(count(order_id) as bigint) as orders,
        cast(count(case when status = 'cancelled' then order_id end) as bigint) as cancelled_orders,
        cast(count(case when status = 'returned' then order_id end) as bigint) as returned_orders,
        cast(coalesce(sum(quantity), 0) as bigint) as units,
        cast(coalesce(sum(amount), 0) as bigint) as revenue,
        cast(coalesce(sum(net_amount), 0) as bigint) as net_revenue,
        cast(coalesce(sum(delivery_fee), 0) as decimal(18, 2)) as delivery_fees
{%- endmacro %}
