select distinct order_date
from {{ ref('daily_sales_mart') }}
