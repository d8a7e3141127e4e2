"""What the shop's people, goods and requests are made of."""

SINGAPORE = "en_IN"

# Country -> (its share of the customers, the Faker locale of its people).
COUNTRIES = {
    "USA": (0.14, "en_US"),
    "Vietnam": (0.09, "vi_VN"),
    "Canada": (0.09, "en_CA"),
    "UK": (0.10, "en_GB"),
    "Japan": (0.11, "ja_JP"),
    "France": (0.08, "fr_FR"),
    "Singapore": (0.07, SINGAPORE),
    "Germany": (0.09, "de_DE"),
    "Australia": (0.07, "en_AU"),
    "Korea": (0.16, "ko_KR"),
}

LOYALTY_LEVELS = {"Bronze": 0.55, "Silver": 0.27, "Gold": 0.13, "Platinum": 0.05}

# Category -> (things, lowest and highest price, lowest and highest weight in kg).
CATEGORIES = {
    "Kitchen": (("Teapot", "Rice Cooker", "Knife Set", "Mug", "Wok", "Spice Rack"), (8, 180), (0.2, 6)),
    "Home": (("Desk Lamp", "Blanket", "Wall Clock", "Rug", "Cushion", "Mirror"), (12, 260), (0.4, 9)),
    "Electronics": (("Headphones", "Keyboard", "Charger", "Speaker", "Webcam"), (19, 480), (0.1, 3)),
    "Fashion": (("Scarf", "Sneakers", "Rain Coat", "Backpack", "Belt"), (15, 220), (0.1, 2)),
    "Beauty": (("Face Cream", "Sun Lotion", "Soap Set", "Hair Oil"), (6, 90), (0.05, 0.8)),
    "Books": (("Cookbook", "Travel Guide", "Picture Book", "Notebook"), (7, 60), (0.2, 1.8)),
    "Sports": (("Yoga Mat", "Dumbbells", "Tent", "Bicycle Helmet"), (14, 320), (0.5, 12)),
    "Food": (("Green Tea", "Kimchi", "Olive Oil", "Dark Chocolate", "김 선물세트"), (4, 70), (0.1, 4)),
}
STYLES = ("Classic", "Nordic", "Compact", "Handmade", "Organic", "Deluxe", "Everyday", "Seoul", "Travel", "Vintage")

# What customers ask for; those from Korea in Korean.
REQUESTS = (
    "Please leave it at the front door 🙏",
    "Ring the bell twice, the dog sleeps 🐶",
    "Gift wrap, please 🎁 — no price tag",
    "Call me before you come",
    "Fragile! Handle with care",
    "Leave it with the neighbour (flat 3\\B)",
    "Deliver after 6 pm",
    'Write "Happy birthday, Zoë!" on the card 🎂',
    "No plastic, please ♻️",
    "First line\nsecond line",
)
KOREAN_REQUESTS = (
    "문 앞에 놓아 주세요 🙏",
    "배송 전에 연락 부탁드립니다",
    "경비실에 맡겨 주세요",
    "부재 시 택배함에 넣어 주세요 📦",
    "깨지기 쉬운 물건이니 조심해 주세요",
    "선물용이니 예쁘게 포장해 주세요 🎁",
    "벨 누르지 말아 주세요, 아기가 자고 있어요 👶",
    "빠른 배송 감사합니다 😊",
)
