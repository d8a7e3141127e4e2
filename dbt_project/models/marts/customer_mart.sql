with customers as (
    select
        customer_id as account_id,
        country,
        loyalty_level,
        created_at
    from {{ ref('stg_shop__customers') }}
),

orders as (
    select * from {{ ref('order_mart') }}
),

newest as (
    select max(ordered_on) as newest_ordered_on
    from orders
),

-- A full join: customers without orders are here, and so would be orders without a customer.
totals as (
    select
        coalesce(customers.account_id, orders.customer_id) as customer_id,
        max(customers.country) as country,
        max(customers.loyalty_level) as loyalty_level,
        max(customers.created_at) as registered_at,
        min(orders.ordered_at) as first_ordered_at,
        max(orders.ordered_at) as last_ordered_at,
        max(orders.ordered_on) as last_ordered_on,
        {{- order_totals() }}
    from customers
    full outer join orders on customers.account_id = orders.customer_id
    group by 1
),

judged as (
    select
        totals.*,
        {{ dbt.datediff('totals.last_ordered_on', 'newest.newest_ordered_on', 'day') }} as days_since_last_order,
        totals.orders > totals.cancelled_orders + totals.returned_orders as is_buyer,
        totals.orders - totals.cancelled_orders - totals.returned_orders as kept_orders
    from totals
    cross join newest
),

scored as (
    select
        *,
        {{ score('days_since_last_order', 'is_buyer') }} as recency_score,
        {{ score('kept_orders desc', 'is_buyer') }} as frequency_score,
        {{ score('net_revenue desc', 'is_buyer') }} as monetary_score
    from judged
),

segmented as (
    select
        *,
        case
            when not is_buyer then 'no purchase'
            when recency_score >= 4 and frequency_score >= 4 and monetary_score >= 4 then 'champion'
            when recency_score >= 3 and frequency_score >= 3 then 'loyal'
            when recency_score >= 4 then 'recent'
            when recency_score = 3 then 'occasional'
            when frequency_score >= 3 then 'at risk'
            else 'dormant'
        end as segment
    from scored
),

typed as (
    select
        cast(customer_id as integer) as customer_id,
        cast(country as varchar(200)) as country,
        cast(loyalty_level as varchar(80)) as loyalty_level,
        cast(segment as varchar(20)) as segment,
        cast(recency_score as integer) as recency_score,
        cast(frequency_score as integer) as frequency_score,
        cast(monetary_score as integer) as monetary_score,
        orders,
        cancelled_orders,
        returned_orders,
        units,
        revenue,
        net_revenue as lifetime_value,
        delivery_fees,
        cast(days_since_last_order as integer) as days_since_last_order,
        cast(registered_at as timestamp) as registered_at,
        cast(first_ordered_at as timestamp) as first_ordered_at,
        cast(last_ordered_at as timestamp) as last_ordered_at
    from segmented
)

select * from typed
