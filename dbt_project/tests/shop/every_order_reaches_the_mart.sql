-- Every live order is in the mart once and whole, and the mart has no other. Whole: every column is what its parts give
-- now. So nothing is left of an earlier build, and a cast to the contract's widths and scales has cut and rounded
-- nothing, which Redshift would do without a word. NULL is like nothing else.
{% set mart_columns = graph.nodes['model.order_he.order_mart'].columns if execute else [] -%}

with mart as (
    select
        *,
        count(*) over (partition by order_id) as times
    from {{ ref('order_mart') }}
),

orders as (
    select * from {{ ref('stg_shop__orders') }}
),

customers as (
    select * from {{ ref('stg_shop__customers') }}
),

products as (
    select * from {{ ref('stg_shop__products') }}
),

customers_then as (
    select * from {{ ref('int_customer_versions') }}
),

products_then as (
    select * from {{ ref('int_product_versions') }}
),

doubtful as (
    select orders.order_id
    from orders
    inner join {{ ref('stg_shop__clock_turns') }} as turns
        on
            orders.ordered_at <= turns.had_come_to
            and orders.ordered_at > coalesce(turns.not_before, timestamp '0001-01-01 00:00:00')
    group by orders.order_id
),

expected as (
    select
        orders.order_id,
        orders.customer_id,
        orders.product_id,
        orders.delivery_id,
        orders.status,
        orders.quantity,
        orders.amount,
        orders.delivery_fee,
        orders.ordered_at,
        orders.delivered_at,
        customers.country,
        customers.loyalty_level,
        products.product_name,
        products.category,
        products.seller_company,
        products.price,
        customers_then.country as country_when_ordered,
        customers_then.loyalty_level as loyalty_level_when_ordered,
        products_then.product_name as product_name_when_ordered,
        products_then.category as category_when_ordered,
        products_then.seller_company as seller_company_when_ordered,
        products_then.price as price_when_ordered,
        case when orders.status not in ('cancelled', 'returned') then orders.amount else 0 end as net_amount,
        {{ shop_day('orders.delivered_at') }} - {{ shop_day('orders.ordered_at') }} as delivery_days,
        {{ shop_day('orders.ordered_at') }} as ordered_on,
        {{ hours_between('orders.ordered_at', 'orders.delivered_at') }} as delivery_hours,
        {{ shop_day('orders.delivered_at') }} - {{ shop_day('orders.ordered_at') }}
        <= {{ var('promised_delivery_days') }} as is_on_time,
        coalesce(length(trim(orders.request)) > 0, false) as has_request,
        customers_then.valid_from is not null and products_then.valid_from is not null as is_observed
    from orders
    left join customers on orders.customer_id = customers.customer_id
    left join products on orders.product_id = products.product_id
    left join doubtful on orders.order_id = doubtful.order_id
    left join customers_then
        on
            doubtful.order_id is null
            and orders.customer_id = customers_then.customer_id
            and orders.ordered_at >= customers_then.valid_from
            and (orders.ordered_at < customers_then.valid_until or customers_then.valid_until is null)
    left join products_then
        on
            doubtful.order_id is null
            and orders.product_id = products_then.product_id
            and orders.ordered_at >= products_then.valid_from
            and (orders.ordered_at < products_then.valid_until or products_then.valid_until is null)
)

select
    expected.order_id as ordered,
    mart.order_id as in_mart,
    mart.times
from expected
full outer join mart on expected.order_id = mart.order_id
where
    expected.order_id is null
    or mart.order_id is null
    or mart.times <> 1
    or {{ unlike('mart', 'expected', mart_columns) }}
