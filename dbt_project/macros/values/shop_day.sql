{#-
    The calendar day of a moment in UTC where the shop counts its days. What goes by days, weeks, months or years goes by the
    order mart's `ordered_on`, which is made by this; moments stay in UTC. The same SQL on DuckDB and Redshift.
-#}
{% macro shop_day(moment) %}cast({{ in_local_time(moment, shop_time_zone()) }} as date){% endmacro %}

{#- The zone in which the shop counts its days: dbt's variable, or else the one that its rows are written in. -#}
{% macro shop_time_zone() %}
    {% set zone = var('shop_time_zone', '') %}
    {% if not zone %}{{ return(time_zone_of('shop')) }}{% endif %}
    {{ return(known_zone(zone, 'the days of the shop are', 'vars.shop_time_zone in dbt_project.yml')) }}
{% endmacro %}
