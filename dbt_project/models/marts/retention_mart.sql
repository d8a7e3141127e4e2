with orders as (
    select
        *,
        cast({{ dbt.date_trunc('month', 'ordered_on') }} as date) as order_month,
        cast({{ dbt.date_trunc('month', 'min(ordered_on) over (partition by customer_id)') }} as date) as cohort_month
    from {{ ref('order_mart') }}
),

cohorts as (
    select
        cohort_month,
        count(distinct customer_id) as cohort_customers
    from orders
    group by 1
),

trade as (
    select max(order_month) as last_month
    from orders
),

-- 1,000 months of each cohort at most: one order dated in the year 1 must not make empty months without end.
numbers as (
    {{ dbt.generate_series(1000) }}
),

months as (
    select
        cohorts.cohort_month,
        cast(numbers.generated_number - 1 as integer) as months_since_first
    from cohorts
    cross join trade
    cross join numbers
    where numbers.generated_number <= 1 + {{ dbt.datediff('cohorts.cohort_month', 'trade.last_month', 'month') }}
),

-- A row for every month from a cohort's first to the last of all, so that months without an order are there too.
complete as (
    select
        cohort_month,
        {{ dbt.datediff('cohort_month', 'order_month', 'month') }} as months_since_first,
        customer_id,
        order_id,
        status,
        quantity,
        amount,
        net_amount,
        delivery_fee
    from orders
    union all
    select
        cohort_month,
        months_since_first,
        null as customer_id,
        null as order_id,
        null as status,
        null as quantity,
        null as amount,
        null as net_amount,
        null as delivery_fee
    from months
),

totals as (
    select
        cohort_month,
        months_since_first,
        count(distinct customer_id) as active_customers,
        {{- order_totals() }}
    from complete
    group by 1, 2
),

typed as (
    select
        cast(totals.cohort_month as date) as cohort_month,
        cast(totals.months_since_first as integer) as months_since_first,
        cast(cohorts.cohort_customers as bigint) as cohort_customers,
        cast(totals.active_customers as bigint) as active_customers,
        cast({{ rounded_quotient('totals.active_customers', 'cohorts.cohort_customers', 4) }} as decimal(5, 4))
            as retention_share,
        totals.orders,
        totals.cancelled_orders,
        totals.returned_orders,
        totals.units,
        totals.revenue,
        totals.net_revenue,
        totals.delivery_fees
    from totals
    inner join cohorts on totals.cohort_month = cohorts.cohort_month
)

select * from typed
