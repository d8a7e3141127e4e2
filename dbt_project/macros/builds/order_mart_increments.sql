{#-
    What an incremental order mart stands on. A build that makes the histories and then the mart notes what the mart is
    made by; the next one takes from there on only what changed in raw since the run that the build had begun with. Any
    other build of the mart notes that it cannot be relied on, and the next one makes every row anew.
-#}
{% macro record_order_mart() %}
    {% if execute %}
    update {{ builds_table() }}
    set
        order_mart = {{ text_literal(order_mart_definition() if histories_are_chosen() else 'not with the histories') }},
        time_zone = {{ text_literal(shop_time_zone()) }}
    where
        invocation_id = {{ text_literal(invocation_id) }}
        and raw_schema = {{ text_literal(shop_schema()) }}
    {% endif %}
{% endmacro %}

{#- The run from which on changes must be taken into the mart that is there; -1: it tells nothing, so take every row. -#}
{% macro order_mart_is_of_run() %}
    {% if not (execute and histories_are_chosen()) %}{{ return(-1) }}{% endif %}
    {% set loads = adapter.quote(shop_schema()) ~ '._loads' %}
    {# A table that was read whole has no marks of what is gone; a run that raw does not know is of another past. #}
    {% set reliable = run_query(
        'select b.run from ' ~ builds_table() ~ ' as b where b.order_mart = ' ~ text_literal(order_mart_definition())
        ~ ' and b.build = (select max(build) from ' ~ builds_table() ~ ' where order_mart is not null)'
        ~ ' and exists (select 1 from ' ~ loads ~ ' as l where l.run = b.run and l.attempt = b.attempt)'
        ~ ' and not exists (select 1 from ' ~ loads ~ " as l where l.run > b.run and l.mode = 'full')"
    ) %}
    {{ return(reliable.rows[0][0] | int if reliable.rows else -1) }}
{% endmacro %}

{#- An incremental mart from before a column was added, or taken away, is not mixed with rows of the new kind. -#}
{% macro refuse_other_columns() %}
    {% set there = adapter.get_columns_in_relation(this) | map(attribute='name') | list if is_incremental() else [] %}
    {% if there and there | sort != model.columns | sort %}
        {{ exceptions.raise_compiler_error(
            'the incremental mart ' ~ this ~ ' has other columns than its model, which has ' ~ model.columns | join(', ')
            ~ ': run `make build ARGS=--full-refresh` once, which makes it anew'
        ) }}
    {% endif %}
{% endmacro %}

{#- What was deleted in the shop leaves the mart: rows with a key that is gone are in no batch, so `unique_key` misses them. -#}
{% macro remove_gone_orders() %}
    {% if is_incremental() %}
        delete from {{ this }} where order_id not in (select order_id from {{ ref('stg_shop__orders') }})
    {% endif %}
{% endmacro %}

{#- The raw schema of the shop. Not by source(): a mart reads staging, this looks at the loaders' record only. -#}
{% macro shop_schema() %}{{ return(graph.sources['source.order_he.shop.order'].schema) }}{% endmacro %}

{% macro histories_are_chosen() %}
    {{ return(
        'snapshot.order_he.customer_history' in selected_resources
        and 'snapshot.order_he.product_history' in selected_resources
    ) }}
{% endmacro %}

{#- The files that the mart is made by, the variables in them and the time zones, as one text. Macros are not among them. -#}
{% macro order_mart_definition() %}
    {% set parts = [var('promised_delivery_days'), time_zone_of('shop'), shop_time_zone()] %}
    {% for node in ancestors(['model.order_he.order_mart']) | sort if node in graph.nodes %}
        {% do parts.append(graph.nodes[node].checksum.checksum) %}
    {% endfor %}
    {{ return(local_md5(parts | join(' '))) }}
{% endmacro %}
