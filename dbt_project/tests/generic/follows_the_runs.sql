{#- A history by run: states of one key follow each other, each from a run until a later one; one at most holds. -#}
{% test follows_the_runs(model, key) %}

with states as (
    select
        {{ key }},
        from_run,
        until_run,
        lead(from_run) over (partition by {{ key }} order by from_run, until_run nulls last) as next_from_run
    from {{ model }}
)

select *
from states
where
    from_run is null
    or from_run > until_run
    or (next_from_run is not null and (until_run is null or next_from_run < until_run))

{% endtest %}
