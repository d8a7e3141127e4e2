{#- The column is nowhere below a bound; NULL passes, and is not_null's business. -#}
{% test at_least(model, column_name, bound) %}

select {{ column_name }}
from {{ model }}
where {{ column_name }} < {{ bound }}

{% endtest %}
