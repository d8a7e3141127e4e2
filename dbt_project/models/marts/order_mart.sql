{{ config(
    materialized='incremental' if var('incremental_order_mart') else 'table',
    incremental_strategy='delete+insert',
    unique_key='order_id',
    on_schema_change='fail',
    pre_hook="{{ refuse_other_columns() }}",
    post_hook=["{{ remove_gone_orders() }}", "{{ record_order_mart() }}"],
    dist='customer_id',
    sort='ordered_at'
) }}

with orders as (
    select orders.*
    from {{ ref('stg_shop__orders') }} as orders
    {% set order_runs = ref('int_order_runs') -%}
    {% if is_incremental() -%}
        where
            orders.order_id in (
                select runs.order_id
                from {{ order_runs }} as runs
                where runs.run > {{ order_mart_is_of_run() }}
            )
    {%- endif %}
),

customers as (
    select * from {{ ref('stg_shop__customers') }}
),

products as (
    select * from {{ ref('stg_shop__products') }}
),

customer_versions as (
    select * from {{ ref('int_customer_versions') }}
),

product_versions as (
    select * from {{ ref('int_product_versions') }}
),

turns as (
    select * from {{ ref('stg_shop__clock_turns') }}
),

-- Placed in a time that the shop's clock showed twice: before or after what, who can tell?
doubtful as (
    select distinct orders.order_id
    from orders
    inner join turns
        on
            orders.ordered_at <= turns.had_come_to
            and (orders.ordered_at > turns.not_before or turns.not_before is null)
),

-- Left joins: an order whose customer or product is missing must fail a test, not vanish.
joined as (
    select
        orders.order_id,
        orders.customer_id,
        orders.product_id,
        orders.delivery_id,
        customers.country,
        customers.loyalty_level,
        products.product_name,
        products.category,
        products.seller_company,
        customer_versions.country as country_when_ordered,
        customer_versions.loyalty_level as loyalty_level_when_ordered,
        product_versions.product_name as product_name_when_ordered,
        product_versions.category as category_when_ordered,
        product_versions.seller_company as seller_company_when_ordered,
        orders.status,
        orders.quantity,
        orders.amount,
        case when orders.status in ('cancelled', 'returned') then 0 else orders.amount end as net_amount,
        products.price,
        product_versions.price as price_when_ordered,
        orders.delivery_fee,
        {{ dbt.datediff(shop_day('orders.ordered_at'), shop_day('orders.delivered_at'), 'day') }} as delivery_days,
        {{ hours_between('orders.ordered_at', 'orders.delivered_at') }} as delivery_hours,
        -- Trimmed, because Redshift holds a text of blanks equal to '' and DuckDB does not.
        coalesce(trim(orders.request), '') <> '' as has_request,
        customer_versions.customer_id is not null and product_versions.product_id is not null as is_observed,
        {{ shop_day('orders.ordered_at') }} as ordered_on,
        orders.ordered_at,
        orders.delivered_at
    from orders
    left join customers on orders.customer_id = customers.customer_id
    left join products on orders.product_id = products.product_id
    left join doubtful on orders.order_id = doubtful.order_id
    left join customer_versions
        on
            doubtful.order_id is null
            and orders.customer_id = customer_versions.customer_id
            and orders.ordered_at >= customer_versions.valid_from
            and (orders.ordered_at < customer_versions.valid_until or customer_versions.valid_until is null)
    left join product_versions
        on
            doubtful.order_id is null
            and orders.product_id = product_versions.product_id
            and orders.ordered_at >= product_versions.valid_from
            and (orders.ordered_at < product_versions.valid_until or product_versions.valid_until is null)
),

-- One contract for every engine: each column says its type, widths in bytes (Redshift counts them so).
typed as (
    select
        cast(order_id as bigint) as order_id,
        cast(customer_id as integer) as customer_id,
        cast(product_id as integer) as product_id,
        cast(delivery_id as varchar(80)) as delivery_id,
        cast(country as varchar(200)) as country,
        cast(loyalty_level as varchar(80)) as loyalty_level,
        cast(product_name as varchar(600)) as product_name,
        cast(category as varchar(200)) as category,
        cast(seller_company as varchar(400)) as seller_company,
        cast(country_when_ordered as varchar(200)) as country_when_ordered,
        cast(loyalty_level_when_ordered as varchar(80)) as loyalty_level_when_ordered,
        cast(product_name_when_ordered as varchar(600)) as product_name_when_ordered,
        cast(category_when_ordered as varchar(200)) as category_when_ordered,
        cast(seller_company_when_ordered as varchar(400)) as seller_company_when_ordered,
        cast(status as varchar(80)) as status,
        cast(quantity as integer) as quantity,
        cast(amount as integer) as amount,
        cast(net_amount as integer) as net_amount,
        cast(price as decimal(10, 2)) as price,
        cast(price_when_ordered as decimal(10, 2)) as price_when_ordered,
        cast(delivery_fee as decimal(10, 2)) as delivery_fee,
        cast(delivery_days as integer) as delivery_days,
        cast(delivery_hours as decimal(12, 2)) as delivery_hours,
        cast(delivery_days <= {{ var('promised_delivery_days') }} as boolean) as is_on_time,
        cast(has_request as boolean) as has_request,
        cast(is_observed as boolean) as is_observed,
        cast(ordered_on as date) as ordered_on,
        cast(ordered_at as timestamp) as ordered_at,
        cast(delivered_at as timestamp) as delivered_at
    from joined
)

select * from typed
