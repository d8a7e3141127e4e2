// Words: every text of the page in both languages. {…} is filled by `say`; {tables|table|tables} is a number and what it counts.

const WORDS = {
  en: {
    title: "Order-He: orders", skip: "Skip to the figures", otherLanguage: "한국어", dark: "Dark", light: "Light",
    covered: "{orders|order|orders}, {from} to {to}", coveredNone: "No orders yet",
    filters: "Filters", search: "Search the list", range: "Period", from: "From", to: "To", country: "Country", category: "Category", level: "Loyalty level", status: "Order status",
    all: "All time", every: "All", days30: "Last 30 days", days90: "Last 90 days", months3: "Last 3 months", months12: "Last 12 months", rangeTo: "{range}, to {to}",
    thisYear: "Latest year", lastYear: "Year before", custom: "Chosen dates", reset: "Reset", chosen: "{first} + {more}",
    ignored: "The address names what this page does not know; it was left out: {what}",
    nothing: "No orders in this choice", noDelivery: "Nothing delivered in this choice", noneDue: "Nothing delivered and due in this choice", noNewcomers: "No customer's first order lies in this choice",
    none: "(none)", blank: "(empty)", others: "Others ({number})", total: "Total",
    rows: "Rows & SQL", rowsOf: "Rows and SQL: {tile}", copy: "Copy SQL", copied: "Copied", csv: "Download CSV", close: "Close", back: "Back to the rows", list: "List orders", ordersOf: "Orders behind: {what}",
    unlisted: "This page holds sums and no single order: the shop has {orders} orders, and a page lists up to {most} (with numbers below 2^53). The SQL of any list runs in the warehouse.",
    runIt: "Runs as it is in `make sql`, the filters included.", runThere: "Runs as it is in any client of Redshift, the filters included.", shown: "{from}–{to} of {all}", earlier: "Previous page", later: "Next page",
    sortBy: "Sort by {column}",
    summary: "At a glance", revenue: "Revenue over time", countries: "By country", share: "Orders by country", days: "Delivery days",
    hours: "Delivery hours", on_time: "On time, by country", customers: "Top customers", categories: "Revenue by category",
    products: "Products", retention: "Customers who come back",
    revenueNote: "against {before}.", partial: "Only a part of it", partialNote: "Hollow: only a part of that day or month is chosen or over; the newest order is of {day}.", yearBefore: "the same months a year before", daysBefore: "the {count} days before", dayBefore: "the day before",
    monthsBefore: "the {count} months before", monthBefore: "the month before",
    countriesNote: "Click a heading to sort", shareNote: "Share of orders", daysNote: "Calendar days from order to delivery; orders",
    hoursNote: "Spans of 24 hours, the end included", onTimeNote: "Delivered at most {days|calendar day|calendar days} after the order, of orders before {before}: younger ones may have time left",
    customersNote: "By orders; customers appear by number only", categoriesNote: "A click on a bar chooses it", productsNote: "By revenue",
    now: "Chosen period", target: "Target", noTarget: "The target is of whole months of the whole shop.", before: "Period before", firstMonth: "First order", change: "{percent} against {before}",
    perOrder: "{average} per order", ofDue: "of {due} delivered and due", netNote: "without returned and cancelled orders", perOrderNote: "revenue by orders",
    notOver: "no comparison: the last day is not over", young: "no comparison: the newest orders may not have come to this status yet",
    youngNote: "A status is that of today: orders from {before} on may not have come to it yet.", cohortsCut: "Shown are the newest {cohorts} first months, {months} months of each; all of them in Rows & SQL.", monthsCut: "Shown are {months} months of each; all of them in Rows & SQL.",
    noBefore: "no comparison: the period before begins before the first order", nothingBefore: "no revenue in {before}",
    unfold: "{rest} more: show all {all}", fold: "Show the first only", notYet: "not yet", daysMore: "{days} d and more", daysLess: "{days} d and less", days24: "up to {hours} h", span: "{from}–{hours} h", beyond: "over 168 h",
    dayUnit: "{days} d", monthsLater: "Month {months}",
    freshness: "How fresh and how tested the data is", asOf: "Data as of {time} ({age})", builtFrom: "built from run {run}", noBuild: "which run this was built from is not known here",
    newer: "raw holds a newer run, {run}: run make build", stale: "The data is old: {age}.", unproved: "Not compared with the source: {tables}.", failed: "{number|test|tests} did not pass.",
    partialBuild: "A partial build: only its own tests ran.", underAnHour: "less than an hour old", hoursOld: "{number|hour|hours} old", daysOld: "{number|day|days} old", verdicts: "{tables|table|tables}: {verdict}", tests: "dbt: {passed} of {tests|test|tests} passed",
    noLoads: "when the data was extracted is not known here", noTests: "the tests of that build are not known: run make build",
    table: "Table", run: "Run", rowCount: "Rows read", extracted: "Extracted", verdict: "Compared with its source", builtAt: "dbt's tests ran {time}.",
    notPassed: "Not passed: {tests}", warned: "{warned} with a warning.", written: "Page written {time}.",
    notes: "Money is in the shop's own currency. Days are counted in {zone}; times are UTC.", meaning: "What the figures mean",
    someZone: "the shop's time zone", meanDay: "A day is a day in {zone}, by the moment of the order.",
    meanCustomers: "They appear by number only.",
    meanStatus: "That of today. With one chosen, a day is hollow, and not compared, until the promised days of its orders are over.",
    meanCountry: "Where the customer lives today, by the shop's table, also for orders from before a move.",
    meanOnTime: "The promise is {days|day|days}. Only orders before {before} count: of younger ones it may be that only those that were quick are delivered by now. An order that has not arrived at all is not in the share.",
    meanBefore: "As long as the chosen period and ending where that begins; for whole months as many whole months. There is no comparison with a time before the shop began, nor for a day that is not over.",
    meanRetention: "+0 is the month of the first order itself. Empty: not yet. With dots: so far.",
    grainMonth: "At this size dates are chosen by whole months, so that the page stays small.",
    library: "Charts: Apache ECharts, Apache License 2.0.",
    columns: {
      due: "Delivered and due", period: "Period", orders_before: "Orders before",
      revenue_before: "Revenue before", country: "Country", percent_of_orders: "Share", delivery_days: "Days", up_to_hours: "Span",
      customer_id: "Customer", category: "Category", product_id: "Product no.", product_name: "Product", cohort: "First order", order_id: "Order", ordered_on: "Ordered on", status: "Status", amount: "Amount",
      months_later: "Months later", ordered_percent: "Share",
    },
  },
  ko: {
    title: "Order-He 주문 현황", skip: "지표로 건너뛰기", otherLanguage: "English", dark: "어둡게", light: "밝게",
    covered: "주문 {orders}건, {from} ~ {to}", coveredNone: "아직 주문이 없습니다",
    filters: "필터", search: "목록에서 찾기", range: "기간", from: "시작일", to: "종료일", country: "국가", category: "카테고리", level: "회원 등급", status: "주문 상태",
    all: "전체 기간", every: "전체", days30: "최근 30일", days90: "최근 90일", months3: "최근 3개월", months12: "최근 12개월", rangeTo: "{range} ({to}까지)",
    thisYear: "최근 연도", lastYear: "그 전년도", custom: "직접 선택", reset: "초기화", chosen: "{first} 외 {more}개",
    ignored: "주소에 이 페이지가 모르는 값이 있어 제외했습니다: {what}",
    nothing: "선택한 조건의 주문이 없습니다", noDelivery: "선택한 조건의 배송 완료 주문이 없습니다", noneDue: "선택한 조건에 기한이 지난 배송 완료 주문이 없습니다", noNewcomers: "선택한 조건에서 처음 주문한 고객이 없습니다",
    none: "(없음)", blank: "(빈 값)", others: "기타 ({number})", total: "합계",
    rows: "데이터와 SQL", rowsOf: "데이터와 SQL: {tile}", copy: "SQL 복사", copied: "복사됨", csv: "CSV 내려받기", close: "닫기", back: "데이터로 돌아가기", list: "주문 목록", ordersOf: "주문 목록: {what}",
    unlisted: "이 페이지에는 합계만 있고 개별 주문은 없습니다. 주문이 {orders}건인데, 페이지는 {most}건까지만(번호는 2^53 미만) 담습니다. 목록의 SQL은 웨어하우스에서 실행됩니다.",
    runIt: "필터까지 포함되어 있어 `make sql`에서 그대로 실행됩니다.", runThere: "필터까지 포함되어 있어 Redshift 클라이언트에서 그대로 실행됩니다.", shown: "{all}개 중 {from}–{to}", earlier: "이전 페이지", later: "다음 페이지",
    sortBy: "{column} 기준 정렬",
    summary: "한눈에 보기", revenue: "기간별 매출", countries: "국가별 현황", share: "국가별 주문 비율", days: "배송 일수",
    hours: "배송 시간", on_time: "국가별 정시 배송률", customers: "주문 상위 고객", categories: "카테고리별 매출",
    products: "상품", retention: "재구매 고객",
    revenueNote: "{before} 대비.", partial: "일부 기간만", partialNote: "빈 점: 아직 끝나지 않았거나 일부만 선택된 날 또는 달입니다. 가장 최근 주문은 {day}입니다.", yearBefore: "전년 같은 달", daysBefore: "직전 {count}일", dayBefore: "전날",
    monthsBefore: "직전 {count}개월", monthBefore: "직전 달",
    countriesNote: "제목을 누르면 정렬됩니다", shareNote: "전체 주문 중 비율", daysNote: "주문일부터 배송일까지의 일수, 주문 건수",
    hoursNote: "24시간 단위, 상한 포함", onTimeNote: "주문 후 {days}일 이내에 배송된 주문의 비율. {before} 이전 주문만 셉니다. 그 뒤의 주문은 아직 {days}일이 지나지 않았을 수 있습니다",
    customersNote: "주문 건수 순, 고객은 번호로만 표시", categoriesNote: "막대를 누르면 선택됩니다", productsNote: "매출 순",
    now: "선택 기간", target: "목표", noTarget: "목표는 전체 매출을 월별로 볼 때만 표시됩니다.", before: "비교 기간", firstMonth: "첫 주문", change: "{before} 대비 {percent}",
    perOrder: "주문당 {average}", ofDue: "기한이 지난 배송 완료 {due}건 중", netNote: "취소·반품 제외", perOrderNote: "매출 ÷ 주문 건수",
    notOver: "비교 없음: 마지막 날이 아직 끝나지 않음", young: "비교 없음: 최근 주문은 아직 이 상태가 되지 않았을 수 있음",
    youngNote: "상태는 현재 기준입니다. {before}부터의 주문은 아직 이 상태가 되지 않았을 수 있습니다.", cohortsCut: "최근의 첫 주문 월 {cohorts}개를 {months}개월 뒤까지 표시합니다. 전체는 데이터와 SQL에 있습니다.", monthsCut: "{months}개월 뒤까지 표시합니다. 전체는 데이터와 SQL에 있습니다.",
    noBefore: "비교 없음: 비교 기간이 첫 주문보다 먼저 시작함", nothingBefore: "{before} 매출 없음",
    unfold: "{rest}개 더 있음: 전체 {all}개 보기", fold: "처음 것만 보기", notYet: "아직 아님", daysMore: "{days}일 이상", daysLess: "{days}일 이하", days24: "{hours}시간 이하", span: "{from}–{hours}시간", beyond: "168시간 초과",
    dayUnit: "{days}일", monthsLater: "{months}개월 뒤",
    freshness: "데이터의 시점과 검증", asOf: "데이터 기준 {time} ({age})", builtFrom: "실행 {run}에서 빌드", noBuild: "어느 실행에서 빌드했는지 알 수 없습니다",
    newer: "raw에 더 새로운 실행 {run}이 있습니다. make build를 실행하세요", stale: "데이터가 오래되었습니다: {age}.", unproved: "원본과 비교하지 않은 테이블: {tables}.", failed: "통과하지 못한 테스트 {number}개.",
    partialBuild: "일부만 빌드했습니다. 그 부분의 테스트만 실행되었습니다.", underAnHour: "1시간 이내", hoursOld: "{number}시간 지남", daysOld: "{number}일 지남", verdicts: "테이블 {tables}개, 원본과 비교: {verdict}", tests: "dbt 테스트 {tests}개 중 {passed}개 통과",
    noLoads: "데이터 추출 시각을 알 수 없습니다", noTests: "이 빌드의 테스트 결과를 알 수 없습니다. make build를 실행하세요",
    table: "테이블", run: "실행", rowCount: "읽은 행", extracted: "추출 시각", verdict: "원본과 비교", builtAt: "dbt 테스트 실행: {time}.",
    notPassed: "통과하지 못함: {tests}", warned: "경고 {warned}개.", written: "페이지 작성: {time}.",
    notes: "금액은 쇼핑몰에서 쓰는 통화 그대로입니다. 날짜는 {zone} 기준이고 시각은 UTC입니다.", meaning: "지표의 뜻",
    someZone: "쇼핑몰 시간대", meanDay: "하루는 주문 시각 기준 {zone}의 하루입니다.",
    meanCustomers: "번호로만 표시합니다.",
    meanStatus: "현재의 상태입니다. 상태를 선택하면, 약속한 배송 기한이 지나지 않은 날은 빈 점으로 그리고 비교하지 않습니다.",
    meanCountry: "쇼핑몰 테이블에 있는 고객의 현재 국가. 이사 전 주문에도 현재 국가가 쓰입니다.",
    meanOnTime: "약속한 일수는 {days}일입니다. {before} 이전 주문만 셉니다. 그 뒤의 주문은 빨리 배송된 것만 완료되어 있을 수 있기 때문입니다. 아직 도착하지 않은 주문은 비율에 들어가지 않습니다.",
    meanBefore: "선택 기간과 길이가 같고 그 직전에 끝나는 기간. 달 단위로 선택하면 같은 수의 달과 비교합니다. 가게가 열리기 전이나 아직 끝나지 않은 날과는 비교하지 않습니다.",
    meanRetention: "+0은 첫 주문을 한 바로 그 달입니다. 빈 칸은 아직 오지 않은 달, …은 지금까지의 값입니다.",
    grainMonth: "데이터가 커서 페이지 크기를 줄이기 위해 기간은 월 단위로 선택합니다.",
    library: "차트: Apache ECharts, Apache License 2.0.",
    columns: {
      due: "기한이 지난 배송 완료", period: "기간", orders_before: "이전 주문",
      revenue_before: "이전 매출", country: "국가", percent_of_orders: "비율", delivery_days: "일수", up_to_hours: "구간",
      customer_id: "고객", category: "카테고리", product_id: "상품 번호", product_name: "상품", cohort: "첫 주문", order_id: "주문 번호", ordered_on: "주문일", status: "상태", amount: "금액",
      months_later: "개월 뒤", ordered_percent: "비율",
    },
  },
};

// The columns that are called otherwise than the metric that they show.
const METRIC_OF = {
  fee_sum: "delivery_fees", fee_average: "average_delivery_fee", on_time: "on_time_orders", on_time_percent: "on_time_share", ordered: "returning_customers",
};

/** The text of that name in the page's language, its places filled. */
function say(name, values = {}) {
  const text = WORDS[document.documentElement.lang][name];
  return text.replace(/\{(\w+)(?:\|(.+?)\|(.+?))?\}/g, (_, place, one, many) =>
    (one ? `${values[place]} ${String(values[place]) === "1" ? one : many}` : values[place]));
}

/** What dbt's metric of that column is called and means, { label, description }; nothing, if it shows none. */
function metric(column) {
  return METRICS[document.documentElement.lang][METRIC_OF[column] ?? column];
}

function columnName(column) {
  return WORDS[document.documentElement.lang].columns[column] ?? metric(column)?.label;
}

// What the page explains: metrics and words of its own, and what it has to add to a metric's meaning.
const MEANINGS = [
  ["revenue"], ["net_revenue"], ["orders", "meanDay"], ["average_order"], ["customers", "meanCustomers"],
  ["country", "meanCountry"], ["status", "meanStatus"], ["fee_sum"], ["on_time_percent", "meanOnTime"], ["before", "meanBefore"], ["retention", "meanRetention"],
];
