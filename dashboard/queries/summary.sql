with chosen as (
    select * from {mart}{where}
),

due as (
    select
        {delivered_orders} as due,
        {on_time_orders} as on_time
    from chosen
    where ordered_on < date '{due_before}'
),

totals as (
    select
        coalesce({revenue}, 0) as revenue,
        coalesce({net_revenue}, 0) as net_revenue,
        {orders} as orders,
        {customers} as customers,
        {products} as products,
        coalesce({delivery_fees}, 0) as fee_sum
    from chosen
)

select
    totals.revenue,
    totals.net_revenue,
    totals.orders,
    cast(
        (cast(200 * totals.revenue as bigint) + totals.orders) // (2 * nullif(totals.orders, 0)) as decimal(18, 0)
    ) * 0.01 as average_order,
    totals.customers,
    totals.products,
    totals.fee_sum,
    cast(
        (cast(200 * totals.fee_sum as bigint) + totals.orders) // (2 * nullif(totals.orders, 0)) as decimal(18, 0)
    ) * 0.01 as fee_average,
    due.due,
    due.on_time,
    cast((2000 * due.on_time + due.due) // (2 * nullif(due.due, 0)) as decimal(18, 0)) * 0.1 as on_time_percent
from totals
cross join due
