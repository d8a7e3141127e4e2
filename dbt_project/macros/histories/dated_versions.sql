{#-
    The states in a history by run, in the order of the runs, each with the span of the shop's time in which it held: from
    `valid_from` on, until before `valid_until` (NULL: still). A change between two readings of the shop counts from the moment that its row states
    (`updated_at`) if that lies between the two; a change that forgot to state it, and whatever held when the history
    began, counts from the reading that showed it. So spans of one key never overlap, and none begins before it was known.
-#}
{% macro dated_versions(history, key, attributes) %}
{%- set in_order = 'partition by ' ~ key ~ ' order by from_run, until_run nulls last' %}
with states as (
    select
        *,
        coalesce(lag(read_at) over ({{ in_order }}), min(read_at) over ()) as previously_read_at
    from {{ history }}
),

dated as (
    select
        *,
        case when updated_at > previously_read_at and updated_at <= read_at then updated_at else read_at end as began_at
    from states
),

-- The latest beginning so far, in case that the shop's clock went back (its newest rows were deleted).
begun as (
    select
        *,
        max(began_at) over ({{ in_order }} rows between unbounded preceding and current row) as valid_from
    from dated
),

ended as (
    select
        {{ key }},
        {{ attributes | join(',\n        ') }},
        valid_from,
        lead(valid_from) over ({{ in_order }}) as valid_until
    from begun
),

-- A state that was replaced before the shop's clock moved on held at no moment of it.
versions as (
    select *
    from ended
    where valid_from < valid_until or valid_until is null
)

select * from versions
{%- endmacro %}
