-- Exercise 6: how many orders of each country were delivered, and after how many days on average (two decimals)? What
-- came back later was delivered, too: the parcel's arrival counts, not today's status.
-- Two things are wrong: an order that is still on its way counts as delivered, and as delivered after 0 days.
--
-- Then: make check-exercise N=6
--
-- 연습 문제 6: 나라마다 주문 몇 건이 배송 완료되었고, 평균 며칠 걸렸을까요(소수
-- 둘째 자리)? 나중에 반품된 주문도 배송은 되었습니다. 지금의 상태가 아니라
-- 도착했는지를 셉니다. 두 가지가 틀렸습니다. 아직 도착하지 않은 주문이 배송
-- 완료로, 그것도 0일 만에 도착한 것으로 계산됩니다.
-- 그다음: make check-exercise N=6 ARGS="--lang ko"
select
    country,
    count(*) as delivered,
    round(avg(coalesce(delivery_days, 0)), 2) as average_days
from {{ ref('order_mart') }}
group by country
