-- Exercise 7: the ten customers who brought the most revenue, as a table for Looker Studio. It works, and sends names
-- and e-mail addresses to a service outside the company. Customers appear by number there, with country and loyalty
-- level; the columns after that stay: orders and revenue.
--
-- Then: make check-exercise N=7
--
-- 연습 문제 7: 매출을 가장 많이 올린 고객 열 명을 Looker Studio에 보낼 표입니다. 잘
-- 동작하지만 이름과 이메일을 회사 밖의 서비스로 보냅니다. 고객은 번호로만 나오고,
-- 그 뒤에 국가와 회원 등급이 옵니다. 그다음 컬럼인 주문 수와 매출은 그대로입니다.
-- 그다음: make check-exercise N=7 ARGS="--lang ko"
select
    orders.customer_id,
    customers.customer_name,
    customers.email,
    count(*) as orders,
    sum(orders.amount) as revenue
from analytics.order_mart as orders
inner join analytics.stg_shop__customers as customers on orders.customer_id = customers.customer_id
group by orders.customer_id, customers.customer_name, customers.email
order by revenue desc, orders.customer_id
limit 10
