"""A shop made of numbers: the same seed and sizes give the same rows, whatever the machine.

Fakes are pooled and the rest is vectorised, so that a million orders cost seconds; orders come in chunks, so that they
never lie in memory all at once. Nothing here knows a database.
"""

import datetime
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
from faker import Faker

from seeds_generator import words
from seeds_generator.lives import OrderPlan, lives

# Different people that Faker makes up per country; beyond that, names meet again, as they do in life.
POOL = 2_000
DAYS_OF_TRADE = 730
CHUNK_ORDERS = 50_000
DAY_US = 86_400_000_000


@dataclass(frozen=True)
class Sizes:
    """How big the shop is."""

    customers: int = 300
    products: int = 50
    orders: int = 10_000


def generator(seed: int, stream: str) -> np.random.Generator:
    """Random numbers of one purpose: how many another purpose draws does not change them."""
    return np.random.Generator(np.random.PCG64([seed, *stream.encode()]))


def customers(seed: int, number: int, until: datetime.date) -> pd.DataFrame:
    """`number` customers, with an account since before the first order."""
    random = generator(seed, "customers")
    shares = np.array([share for share, _locale in words.COUNTRIES.values()])
    country = random.choice(np.array(list(words.COUNTRIES), object), number, p=shares / shares.sum())
    people = {"name": np.empty(number, object), "phone": np.empty(number, object), "address": np.empty(number, object)}
    user = np.empty(number, object)
    for name, (_share, locale) in words.COUNTRIES.items():
        mine = np.flatnonzero(country == name)
        fakes = _people(seed, locale, min(len(mine), POOL))
        chosen = np.arange(len(mine)) % max(len(fakes), 1)
        for column, values in people.items():
            values[mine] = [fakes[index][column] for index in chosen]
        user[mine] = [fakes[index]["user"] for index in chosen]
    ids = np.arange(1, number + 1)
    created = _moments(random, number, until - datetime.timedelta(DAYS_OF_TRADE + 365), 365)
    return pd.DataFrame(
        {
            "customer_id": ids,
            "name": people["name"],
            "email": [f"{name}{number}@example.com" for name, number in zip(user, ids, strict=True)],
            "phone": people["phone"],
            "country": country,
            "address": people["address"],
            "loyalty_level": random.choice(
                np.array(list(words.LOYALTY_LEVELS), object), number, p=list(words.LOYALTY_LEVELS.values())
            ),
            "created_at": created,
            "updated_at": created,
        }
    )


def products(seed: int, number: int, until: datetime.date) -> pd.DataFrame:
    """`number` products, listed before the first order."""
    random = generator(seed, "products")
    fake = Faker("en_US")
    fake.seed_instance(seed)
    companies = np.array([fake.company() for _ in range(max(3, min(number // 3, POOL)))], object)
    category = random.choice(np.array(list(words.CATEGORIES), object), number)
    names, cents, grams10 = [], [], []
    for kind in category:
        things, (cheap, dear), (light, heavy) = words.CATEGORIES[kind]
        names.append(f"{random.choice(words.STYLES)} {random.choice(things)}")
        # Prices look like prices: more cheap things than dear ones, and 90 or 50 cents at the end.
        price = cheap + (dear - cheap) * random.beta(1.2, 3.0)
        cents.append(int(price) * 100 + int(random.choice([0, 50, 90, 99])))
        grams10.append(max(1, round(100 * (light + (heavy - light) * random.beta(1.2, 3.0)))))
    created = _moments(random, number, until - datetime.timedelta(DAYS_OF_TRADE + 365), 365)
    return pd.DataFrame(
        {
            "product_id": np.arange(1, number + 1),
            "product_name": np.array(names, object),
            "category": category,
            "price": hundredths(np.array(cents, np.int64)),
            "weight_kg": hundredths(np.array(grams10, np.int64)),
            "seller_company": random.choice(companies, number),
            "created_at": created,
            "updated_at": created,
        }
    )


def orders(
    seed: int, number: int, until: datetime.date, people: pd.DataFrame, goods: pd.DataFrame
) -> Iterator[pd.DataFrame]:
    """`number` orders in the order in which they were placed, the last on the day before `until`, in chunks."""
    days = [until - datetime.timedelta(days) for days in range(DAYS_OF_TRADE, 0, -1)]
    busy = np.array([busyness(day) for day in days])
    per_day = generator(seed, "days").multinomial(number, busy / busy.sum())
    random = generator(seed, "orders")
    market = Market.of(seed, people, goods)
    first = 1
    for start, end in _chunks(per_day):
        placed = np.concatenate([_times_of(random, days[i], per_day[i]) for i in range(start, end)])
        yield order_rows(random, placed, first, market, until)
        first += len(placed)


@dataclass(frozen=True)
class Market:
    """Who buys, and what: identifiers, prices in hundredths, and how likely each is; a few make up the most."""

    customer_ids: np.ndarray
    korean: np.ndarray
    customer_share: np.ndarray
    product_ids: np.ndarray
    cents: np.ndarray
    product_share: np.ndarray

    @staticmethod
    def of(seed: int, people: pd.DataFrame, goods: pd.DataFrame) -> "Market":
        random = generator(seed, "market")
        cents = np.array([int(price * 100) for price in goods["price"]], np.int64)
        return Market(
            people["customer_id"].to_numpy(),
            (people["country"] == "Korea").to_numpy(),
            _heavy_tail(random, len(people), 0.5),
            goods["product_id"].to_numpy(),
            cents,
            _heavy_tail(random, len(goods), 0.6),
        )


def order_rows(
    random: np.random.Generator, placed: np.ndarray, first_id: int, market: Market, until: datetime.date
) -> pd.DataFrame:
    """Rows for orders placed at these moments (microseconds since 1970), as they stand at the beginning of `until`."""
    number = len(placed)
    who = np.searchsorted(np.cumsum(market.customer_share), random.random(number)).clip(0, len(market.customer_ids) - 1)
    what = np.searchsorted(np.cumsum(market.product_share), random.random(number)).clip(0, len(market.product_ids) - 1)
    quantity = np.minimum(random.geometric(0.7, number), 5)
    ids = np.arange(first_id, first_id + number)
    life = lives(random, OrderPlan(placed), int(np.datetime64(until, "us").astype(np.int64)))
    return pd.DataFrame(
        {
            "order_id": ids,
            "customer_id": market.customer_ids[who],
            "product_id": market.product_ids[what],
            "order_date": (placed // 1_000_000).astype("datetime64[s]"),
            "quantity": quantity,
            "amount": np.maximum(1, (market.cents[what] * quantity + 50) // 100),
            "delivery_id": np.char.add("DLV", np.char.zfill(ids.astype(str), 10)).astype(object),
            "delivery_fee": hundredths(random.integers(300, 1500, number)),
            "shipping_date": life.delivered,
            "status": life.status,
            "request": _requests(random, market.korean[who]),
            "created_at": placed.astype("datetime64[us]"),
            "updated_at": life.updated,
        }
    )


def busyness(day: datetime.date) -> float:
    """How busy a day is beside others: weekends, weeks before the holidays and summer sales; growing by the year."""
    season = {1: 0.85, 2: 0.85, 6: 1.1, 7: 1.2, 11: 1.6, 12: 1.5}.get(day.month, 1.0)
    weekday = (1.0, 0.92, 0.9, 0.95, 1.1, 1.35, 1.3)[day.weekday()]
    return season * weekday * 1.25 ** (day.year - 2024 + day.timetuple().tm_yday / 366)


def hundredths(values: np.ndarray) -> pd.Series:
    """Whole hundredths as exact decimals with two places: 1234 -> 12.34."""
    whole = pa.array(values.astype(np.int64)).cast(pa.decimal128(19, 0))
    scaled = pa.Array.from_buffers(pa.decimal128(19, 2), len(whole), whole.buffers())
    return pd.Series(scaled.cast(pa.decimal128(10, 2)), dtype=pd.ArrowDtype(pa.decimal128(10, 2)))


def _people(seed: int, locale: str, number: int) -> list[dict[str, str]]:
    fake, latin = Faker(locale), Faker("en_US")
    fake.seed_instance(f"{seed} {locale}")
    latin.seed_instance(f"{seed} {locale}")
    return [
        {
            "name": fake.name()[:100],
            "phone": fake.phone_number()[:25],
            "address": fake.address().replace("\n", ", ")[:300] if locale != words.SINGAPORE else _singapore(fake),
            "user": latin.user_name(),
        }
        for _ in range(number)
    ]


def _singapore(fake: Faker) -> str:
    """Faker has no addresses of Singapore."""
    return fake.numerify(f"Blk %## {fake.last_name()} Road #%#-%##, Singapore %#####")


def _requests(random: np.random.Generator, korean: np.ndarray) -> np.ndarray:
    """About 30 % NULL, a few emptied to '', the rest in the customer's language."""
    number = len(korean)
    english = np.array(words.REQUESTS, object)[random.integers(0, len(words.REQUESTS), number)]
    native = np.array(words.KOREAN_REQUESTS, object)[random.integers(0, len(words.KOREAN_REQUESTS), number)]
    written = np.where(korean, native, english)
    dice = random.random(number)
    written[dice < 0.33] = ""
    written[dice < 0.30] = None
    return written


def _heavy_tail(random: np.random.Generator, number: int, steepness: float) -> np.ndarray:
    """Shares that fall with the rank, ranks dealt out at random."""
    share = 1 / np.arange(1, number + 1) ** steepness
    return random.permutation(share / share.sum())


def _times_of(random: np.random.Generator, day: datetime.date, number: int) -> np.ndarray:
    """Moments of one day, ascending: few at night, most in the evening."""
    hours = np.concatenate([random.normal(20, 2.5, number // 2), random.normal(12, 4, number - number // 2)]) % 24
    start = np.datetime64(day, "us").astype(np.int64)
    return np.sort(start + (hours * 3_600_000_000).astype(np.int64).clip(0, DAY_US - 1))


def _moments(random: np.random.Generator, number: int, since: datetime.date, days: int) -> np.ndarray:
    start = np.datetime64(since, "us").astype(np.int64)
    return np.sort(start + random.integers(0, days * DAY_US, number)).astype("datetime64[us]")


def _chunks(per_day: np.ndarray) -> Iterator[tuple[int, int]]:
    """Ranges of days that hold about CHUNK_ORDERS orders each."""
    start = held = 0
    for index, number in enumerate(per_day):
        held += number
        if held >= CHUNK_ORDERS or index == len(per_day) - 1:
            yield start, index + 1
            start, held = index + 1, 0
