-- Customers by the month of their first order ever, and how many of them ordered again, months later, in the choice.
with customers as (
    select
        customer_id,
        country,
        loyalty_level,
        min(ordered_on) as ordered_on
    from {mart}
    group by customer_id, country, loyalty_level
),

cohorts as (
    select
        customer_id,
        cast(date_trunc('month', ordered_on) as date) as cohort
    from customers{where_customers}
),

sizes as (
    select
        cohort,
        {customers} as customers
    from cohorts
    group by cohort
),

chosen as (
    select * from {mart}{where}
),

active as (
    select
        cohorts.cohort,
        cast(
            12 * (extract(year from chosen.ordered_on) - extract(year from cohorts.cohort))
            + extract(month from chosen.ordered_on) - extract(month from cohorts.cohort) as integer
        ) as months_later,
        count(distinct chosen.customer_id) as ordered
    from cohorts
    inner join chosen on cohorts.customer_id = chosen.customer_id
    group by 1, 2
)

select
    active.cohort,
    sizes.customers,
    active.months_later,
    active.ordered,
    cast((2000 * active.ordered + sizes.customers) // (2 * sizes.customers) as decimal(18, 0)) * 0.1 as ordered_percent
from active
inner join sizes on active.cohort = sizes.cohort
order by active.cohort, active.months_later
