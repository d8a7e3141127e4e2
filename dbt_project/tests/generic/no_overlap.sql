{#- Of one key, no span from valid_from until before valid_until overlaps the next: no two versions hold at once. -#}
{% test no_overlap(model, key) %}

with spans as (
    select
        {{ key }},
        valid_from,
        valid_until,
        lead(valid_from) over (partition by {{ key }} order by valid_from, valid_until) as next_from
    from {{ model }}
)

select *
from spans
where valid_from > valid_until or next_from < coalesce(valid_until, next_from + interval '1 day')

{% endtest %}
