// Words: every text of the page in both languages. {…} is filled by `say`.

const WORDS = {
  en: {
    title: "Order-He: orders", skip: "Skip to the figures", otherLanguage: "한국어", dark: "Dark", light: "Light",
    covered: "{orders} orders, {from} to {to}", coveredNone: "No orders yet",
    filters: "Filters", range: "Period", from: "From", to: "To", country: "Country", category: "Category", level: "Loyalty level",
    all: "All time", every: "All", days30: "Last 30 days", days90: "Last 90 days", months3: "Last 3 months", months12: "Last 12 months",
    thisYear: "This year", lastYear: "Year before", custom: "Chosen dates", reset: "Reset", chosen: "{first} + {more}",
    ignored: "The address names what this page does not know; it was left out: {what}",
    nothing: "No orders in this choice", noDelivery: "Nothing delivered in this choice", noNewcomers: "No customer's first order lies in this choice",
    none: "(none)", blank: "(empty)", others: "Others ({number})", total: "Total", grandTotal: "Grand total",
    rows: "Rows & SQL", rowsOf: "Rows and SQL: {tile}", copy: "Copy SQL", copied: "Copied", csv: "Download CSV", close: "Close",
    runIt: "Runs as it is in `make sql`, the filters included.", runThere: "Runs as it is in any client of Redshift, the filters included.", shown: "{from}–{to} of {all}", earlier: "Previous page", later: "Next page",
    sortBy: "Sort by {column}",
    summary: "At a glance", revenue: "Revenue over time", countries: "By country", share: "Orders by country", days: "Delivery days",
    hours: "Delivery hours", on_time: "On time, by country", customers: "Top customers", categories: "Revenue by category",
    products: "Products", retention: "Customers who come back",
    revenueNote: "against {before}", yearBefore: "the same months a year before", daysBefore: "the {count} days before",
    monthsBefore: "the {count} months before", monthBefore: "the month before",
    countriesNote: "Click a heading to sort", shareNote: "Share of orders", daysNote: "Calendar days from order to delivery; orders",
    hoursNote: "Spans of 24 hours, the end included", onTimeNote: "Delivered at most {days} calendar days after the order",
    customersNote: "By orders; customers appear by number only", categoriesNote: "A click on a bar chooses it", productsNote: "By revenue",
    retentionNote: "Of the customers whose first order was in a month, the share that ordered again so many months later",
    now: "Chosen period", before: "Period before", firstMonth: "First order", change: "{percent} against {before}",
    perOrder: "{average} per order", ofDelivered: "of {delivered} delivered", days24: "up to {hours} h", span: "{from}–{hours} h", beyond: "over 168 h",
    dayUnit: "{days} d", monthsLater: "Month {months}",
    freshness: "How fresh and how tested the data is", asOf: "Data as of {time}", runs: "run {runs}", verdicts: "{tables} tables: {verdict}", tests: "dbt: {passed} of {tests} tests passed",
    noLoads: "when the data was extracted is not known here", noTests: "test results are not known: run make build", old: "{days} days old",
    table: "Table", run: "Run", rowCount: "Rows", extracted: "Extracted", verdict: "Compared with its source", builtAt: "dbt's tests ran {time}.",
    notPassed: "Not passed: {tests}", warned: "{warned} with a warning.", written: "Page written {time}.",
    notes: "Revenue is what was charged, cancelled and returned orders included. Times are UTC. {grain}{library}",
    grainMonth: "At this size dates are chosen by whole months, so that the page stays small. ",
    library: "Charts: Apache ECharts, Apache License 2.0.",
    columns: {
      revenue: "Revenue", orders: "Orders", customers: "Customers", products: "Products", fee_sum: "Delivery fees", fee_average: "Fee per order",
      delivered: "Delivered", on_time: "On time", on_time_percent: "On time", period: "Period", orders_before: "Orders before",
      revenue_before: "Revenue before", country: "Country", percent_of_orders: "Share", delivery_days: "Days", up_to_hours: "Hours",
      customer_id: "Customer", category: "Category", product_id: "No.", product_name: "Product", units: "Units", cohort: "First order",
      months_later: "Months later", ordered: "Ordered", ordered_percent: "Share",
    },
  },
  ko: {
    title: "Order-He 주문 현황", skip: "지표로 건너뛰기", otherLanguage: "English", dark: "어둡게", light: "밝게",
    covered: "주문 {orders}건, {from} ~ {to}", coveredNone: "아직 주문이 없습니다",
    filters: "필터", range: "기간", from: "시작", to: "끝", country: "국가", category: "카테고리", level: "회원 등급",
    all: "전체 기간", every: "전체", days30: "최근 30일", days90: "최근 90일", months3: "최근 3개월", months12: "최근 12개월",
    thisYear: "올해", lastYear: "지난해", custom: "직접 선택", reset: "초기화", chosen: "{first} 외 {more}",
    ignored: "주소에 이 페이지가 모르는 값이 있어 제외했습니다: {what}",
    nothing: "선택한 조건의 주문이 없습니다", noDelivery: "선택한 조건의 배송 완료 주문이 없습니다", noNewcomers: "선택한 조건에서 처음 주문한 고객이 없습니다",
    none: "(없음)", blank: "(빈 값)", others: "기타 ({number})", total: "합계", grandTotal: "총합계",
    rows: "데이터와 SQL", rowsOf: "데이터와 SQL: {tile}", copy: "SQL 복사", copied: "복사됨", csv: "CSV 내려받기", close: "닫기",
    runIt: "필터까지 포함되어 있어 `make sql`에서 그대로 실행됩니다.", runThere: "필터까지 포함되어 있어 Redshift 클라이언트에서 그대로 실행됩니다.", shown: "{all}개 중 {from}–{to}", earlier: "이전 페이지", later: "다음 페이지",
    sortBy: "{column} 기준 정렬",
    summary: "한눈에 보기", revenue: "기간별 매출", countries: "국가별 현황", share: "국가별 주문 비율", days: "배송 일수",
    hours: "배송 시간", on_time: "국가별 정시 배송률", customers: "주문 상위 고객", categories: "카테고리별 매출",
    products: "상품", retention: "재구매 고객",
    revenueNote: "{before} 대비", yearBefore: "전년 같은 달", daysBefore: "직전 {count}일",
    monthsBefore: "직전 {count}개월", monthBefore: "직전 달",
    countriesNote: "제목을 누르면 정렬됩니다", shareNote: "전체 주문 중 비율", daysNote: "주문일부터 배송일까지의 일수, 주문 건수",
    hoursNote: "24시간 단위, 끝 시각 포함", onTimeNote: "주문 후 {days}일 이내에 배송된 주문",
    customersNote: "주문 건수 순, 고객은 번호로만 표시", categoriesNote: "막대를 누르면 선택됩니다", productsNote: "매출 순",
    retentionNote: "첫 주문 월별 고객 중 해당 개월 뒤에 다시 주문한 고객의 비율",
    now: "선택 기간", before: "비교 기간", firstMonth: "첫 주문", change: "{before} 대비 {percent}",
    perOrder: "주문당 {average}", ofDelivered: "배송 완료 {delivered}건 중", days24: "{hours}시간 이하", span: "{from}–{hours}시간", beyond: "168시간 초과",
    dayUnit: "{days}일", monthsLater: "{months}개월 뒤",
    freshness: "데이터의 시점과 검증", asOf: "데이터 기준 {time}", runs: "실행 {runs}", verdicts: "테이블 {tables}개: {verdict}", tests: "dbt 테스트 {tests}개 중 {passed}개 통과",
    noLoads: "데이터 추출 시각을 알 수 없습니다", noTests: "테스트 결과가 없습니다. make build를 실행하세요", old: "{days}일 지남",
    table: "테이블", run: "실행", rowCount: "행 수", extracted: "추출 시각", verdict: "원본과 비교", builtAt: "dbt 테스트 실행: {time}.",
    notPassed: "통과하지 못함: {tests}", warned: "경고 {warned}개.", written: "페이지 작성: {time}.",
    notes: "매출은 취소·반품 주문을 포함해 청구된 금액입니다. 시각은 UTC입니다. {grain}{library}",
    grainMonth: "데이터가 커서 페이지 크기를 줄이기 위해 기간은 월 단위로 선택합니다. ",
    library: "차트: Apache ECharts, Apache License 2.0.",
    columns: {
      revenue: "매출", orders: "주문", customers: "고객", products: "상품", fee_sum: "배송비", fee_average: "주문당 배송비",
      delivered: "배송 완료", on_time: "정시", on_time_percent: "정시 배송률", period: "기간", orders_before: "이전 주문",
      revenue_before: "이전 매출", country: "국가", percent_of_orders: "비율", delivery_days: "일수", up_to_hours: "시간",
      customer_id: "고객", category: "카테고리", product_id: "번호", product_name: "상품", units: "수량", cohort: "첫 주문",
      months_later: "개월 뒤", ordered: "주문 고객", ordered_percent: "비율",
    },
  },
};

/** The text of that name in the page's language, its places filled. */
function say(name, values = {}) {
  const text = WORDS[document.documentElement.lang][name];
  return text.replace(/\{(\w+)\}/g, (_, place) => values[place]);
}

function columnName(column) {
  return WORDS[document.documentElement.lang].columns[column];
}
