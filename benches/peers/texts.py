"""The texts that the reference is asked about. All written for this purpose.

Adding a text changes every fixture: record them again in the same commit.
"""

# Longer than Gemma 3's sliding window (512 tokens), with a fact at the start that
# the end asks for: a window that is wrong, or a rope that drifts, shows here.
SKIES = ("clear", "cloud", "rain", "fog")
LONG_LOG = (
    "Station log. The code of the store room is 4817.\n"
    + "".join(
        f"{hour:02}:00 wind {(hour * 7) % 23 + 3} knots, pressure {1003 + (hour * 5) % 17} hPa, "
        f"{SKIES[(hour * 3 + hour // 5) % 4]}; boats in sight: {(hour * 11) % 6}.\n"
        for hour in range(24)
    )
    + "The code of the store room is"
)

# (name, text) is fed as it is; (name, messages) goes through the chat template.
PROMPTS: list[tuple[str, str | list[dict]]] = [
    ("one-word", "The"),
    ("story", "It was raining when the ferry left the island, and nobody on deck had noticed that"),
    ("fact", "The capital of France is"),
    ("german", "Der Fluss fließt langsam durch die Stadt, und im Frühling blühen an seinen Ufern"),
    ("spanish", "¿Cuánto cuesta un millón de palabras? Depende, dijo el niño, de"),
    ("greek", "Η θάλασσα ήταν ήρεμη και ο ήλιος"),
    ("russian", "Осенью в деревне рано темнеет, поэтому"),
    ("arabic", "كان يا ما كان في قديم الزمان"),
    ("hindi", "गाँव के पास एक बड़ा पेड़ था, जिसके नीचे"),
    ("chinese", "从前有一座山,山里有一座"),
    ("japanese", "朝の電車はいつも混んでいるので、"),
    ("korean-emoji", "오늘 날씨가 정말 좋네요 ☀️😀 그래서 우리는"),
    ("digits", "1, 1, 2, 3, 5, 8, 13, 21, 34,"),
    ("table", "x\tx*x\n1\t1\n2\t4\n3\t9\n4\t16\n5\t"),
    (
        "python",
        "def median(values):\n    ordered = sorted(values)\n    middle = len(ordered) // 2\n    if",
    ),
    (
        "rust",
        "/// The largest item, or `None` if there is none.\n"
        "pub fn largest(items: &[i32]) -> Option<i32> {\n    let mut",
    ),
    (
        "chat-user",
        [{"role": "user", "content": "Name three colours of the rainbow."}],
    ),
    (
        "chat-system",
        [
            {"role": "system", "content": "You answer in one short sentence."},
            {"role": "user", "content": "Why does bread rise?"},
        ],
    ),
    (
        "chat-turns",
        [
            {"role": "user", "content": "What is 7 + 5?"},
            {"role": "assistant", "content": "12"},
            {"role": "user", "content": "And twice that? Write it in words, please — größer?"},
        ],
    ),
    ("long-log", LONG_LOG),
]


MINUTES = """\
Minutes of the allotment society, 14 March. Present: nine members, one dog.
1. The water butt by the gate leaks. Marta will ask her cousin for a new tap.
2. The path to plot 12 is under water after every rain. Two loads of gravel would
   do, at 85 each; the society has 140 in the tin. It was agreed to buy one load
   now and one in autumn, and to ask the plot holders along the path for help.
3. Seeds: the order goes out on Friday. Whoever wants broad beans says so by then.
4. Mr Osei asked whether bees may be kept on plot 3. After some talk about stings
   the members were for it, seven to one; the dog did not vote.
5. Any other business: somebody has left a wheelbarrow on plot 7. It is green.

Decisions in one sentence each:
1."""

LETTER = """\
Dear neighbour,

from Monday we repair the roof of number 14. A scaffold will stand on the pavement for
about three weeks, and on the first two days there will be noise from eight in the morning.
We have asked the workers to keep the bicycle stands free. If your bicycle is in the way
all the same, somebody will ring at your door before moving it. The lime tree stays; a
gardener has tied back two branches. Should anything be broken, write to us, and take a
picture if you can: we are insured, and we would rather pay for a flower pot than lose
"""

# With `PROMPTS`, what the longer record is made of: fifty in all, most of 5 to 200 tokens.
MORE_PROMPTS: list[tuple[str, str | list[dict]]] = [
    ("definition", "Photosynthesis is the process by which"),
    ("dialogue", '"You are late," said the old woman without looking up. "I know," he said. "'),
    ("numbered-list", "Things to pack for a week in the mountains:\n1. A warm jacket\n2."),
    ("bullets", "Shopping list\n- six eggs\n- a litre of milk\n-"),
    ("recipe", "Pancakes for four. Mix 250 g of flour, half a litre of milk and three eggs. Then"),
    ("letter", LETTER),
    ("minutes", MINUTES),
    ("news", "LISBON, Tuesday. The tram drivers of the city went back to work this morning after"),
    ("science", "When light passes from air into water, it changes its direction because"),
    ("arithmetic", "12 + 30 = 42\n7 + 9 = 16\n25 + 14 ="),
    ("months", "January, February, March, April,"),
    ("question-answer", "Q: What do bees make?\nA: Honey.\nQ: What do cows give?\nA:"),
    ("sentiment", "Review: I loved it. -> good\nReview: Never again. -> bad\nReview: Superb! ->"),
    ("translation", "English: Good morning\nFrench: Bonjour\nEnglish: Thank you\nFrench:"),
    ("json", '{"name": "Ada", "born": 1815, "languages": ["English", "French"], "city": "'),
    ("html", "<!DOCTYPE html>\n<html>\n<head>\n  <title>Tide table</title>\n"),
    ("sql", "-- The ten customers who spent most last year\nSELECT customer_id, SUM(amount)"),
    ("shell", "#!/bin/sh\n# Count the lines of every text file here.\nfor file in *.txt; do\n"),
    (
        "c",
        "#include <stdio.h>\n\n/* Greatest common divisor. */\n"
        "static unsigned gcd(unsigned a, unsigned b) {\n    while (b != 0) {\n",
    ),
    (
        "javascript",
        "// Calls `action` once, `delay` milliseconds after the last call.\n"
        "function debounce(action, delay) {\n  let timer;\n  return function",
    ),
    (
        "python-class",
        "class Stack:\n    def __init__(self):\n        self.items = []\n\n    def push(self, item):",
    ),
    ("toml", '[package]\nname = "tides"\nversion = "0.1.0"\nedition = "2021"\n\n[dependencies]\n'),
    ("french", "Le marché ouvre à six heures, et les pêcheurs arrivent avec"),
    ("italian", "Nel mezzo della piazza c'è una fontana che"),
    ("portuguese", "A avó guardava as cartas numa caixa de madeira, porque"),
    ("polish", "Zimą jezioro zamarza i dzieci"),
    ("turkish", "Sabahları erken kalkıp denize bakmak"),
    (
        "chat-code",
        [{"role": "user", "content": "Write a Python function that reverses a string."}],
    ),
    (
        "chat-list",
        [
            {"role": "system", "content": "Answer as a numbered list, without an introduction."},
            {"role": "user", "content": "How do I repot a house plant?"},
        ],
    ),
    (
        "chat-long",
        [
            {"role": "user", "content": "Here is a letter.\n\n" + LETTER + "\nWhat is it about?"},
        ],
    ),
]


def plain_chat(messages: list[dict]) -> str:
    """A conversation for a base model, which knows no template."""
    lines = [f"{message['role'].capitalize()}: {message['content']}\n" for message in messages]
    return "".join(lines) + "Assistant:"


AWKWARD: list[str] = [
    "",
    " ",
    "  ",
    "a",
    " a",
    "a ",
    "  leading and trailing  ",
    "Hello, world!",
    "multiple   spaces    inside     here",
    "tab\tseparated\t\tvalues",
    "\n",
    "\n\n",
    "one\n\ntwo\n\n\nthree\n\n\n\n",
    " \n \n\t\n",
    "CRLF line\r\nnext\r\n\r\nlast\r",
    "1234567 12,345.67",
    "0 00 000 0000 00000",
    "3.14159e-10 0x1F 1_000_000 2026-11-22T04:26:00Z",
    "abc123def456 v1.2.3 H100 4090Ti",
    "½ ² ³ Ⅷ ① ٣٤٥ १२३ 五六七",
    "don't I'LL we've SHE'S they'd I'm 'tis y'all'd've",
    "it’s a “curly” quote — and an em-dash… ‘so’",
    "https://example.org/a/b?c=d&e=%20f#g mailto:x@y.example",
    "C:\\Users\\me\\file.txt /usr/local/bin ~/.config",
    "café naïve résumé",
    "cafe\u0301 nai\u0308ve re\u0301sume\u0301",
    "Z\u0351\u036b\u0343\u036aa\u0342\u0346\u0357l\u0353\u0324g\u0321\u0322o\u0338",
    "Größe, Maße, übermäßig, ẞ",
    "İstanbul'da ığdır ŞĞÜÖÇ",
    "Tiếng Việt có nhiều dấu",
    "Ζήτω η ελληνική γλώσσα; ὦ ἄνδρες",
    "Съешь же ещё этих мягких французских булок",
    "مرحبا بالعالم، كيف حالك؟",
    "السَّلَامُ عَلَيْكُمْ",
    "שלום עולם, מה שלומך?",
    "mixed עברית and العربية in English",
    "नमस्ते दुनिया, क्षत्रिय ज्ञान",
    "বাংলা தமிழ் తెలుగు ಕನ್ನಡ",
    "สวัสดีชาวโลก ภาษาไทยไม่มีช่องว่าง",
    "你好,世界!今天天气很好。",
    "繁體中文與简体中文 𠮷野家",
    "日本語のテキスト、カタカナとひらがな。ガガ",
    "안녕하세요 세계 \u1112\u1161\u11ab\u1100\u1173\u11af",
    "ქართული ენა Հայերեն አማርኛ ខ្មែរ",
    "😀😃 👍🏽 ❤️",
    "👨‍👩‍👧‍👦 👩🏿‍🚀 🏳️‍🌈",
    "🇩🇪🇯🇵🇧🇷 🇩",
    "zero\u200bwidth\u200cand\u200djoin\ufeffbom\u2060",
    "nbsp\u00a0thin\u2009ideographic\u3000em\u2003line\u2028para\u2029nel\u0085end",
    "\u0000\u0001\u0002 \u0007\u0008 \u001b[31mred\u001b[0m \u007f",
    "\u0080\u009f\u00ff\u00c3\u00a9",
    "\ufffd\ufffe\uffff \ue000 \U000f0000 \U0010ffff",
    "Ġword Ċ ▁underline▁ Ã© âĢĻ",
    "<|im_start|>user\nhi<|im_end|>\n",
    "<|im_start|>",
    "a<|im_end|>b",
    "<|im_end|> <|im_end|>\n<|im_end|>",
    "<|im_start|",
    "<|endoftext|><|fim_prefix|>x<|fim_suffix|>",
    "<bos><start_of_turn>user\nhi<end_of_turn>\n<eos>",
    "<s></s> <unk> <pad> [INST] <0x0A> <0xE2>",
    'fn main() {\n    println!("{:>8.2}", 1.5f64);\n}\n',
    "if x:\n\tif y:\n\t\treturn  # tabs\n        pass\n",
    "for (int i = 0; i < n; ++i) { a[i] += b[i] << 2; } // done",
    "SELECT * FROM \"t\" WHERE a='it''s' AND b>=10;",
    '{"a":[1,2,{"b":null}],"c":"\\u00e9\\n"}',
    '<div class="x">&amp;nbsp;</div><!-- c -->',
    "$\\frac{\\partial f}{\\partial x} \\approx 10^{-3}$ ∑∫√∞≠",
    "!!!??? ... ,,, ;;; --- === *** ### @@@ ~~~ ```",
    "!\n?\n.\n) \n",
    "CamelCaseAndSCREAMING_SNAKE_case-kebab",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "x" * 1000,
    ("Donaudampfschiff" * 63)[:1000],
    " " * 100 + "far" + "\t" * 17 + "right" + "\n" * 33,
    "日本 is Japan, 1 café ≈ €2,50 😀\r\n\tконец — don't\u00a0stop <|im_end|>",
]

# Tokenised a second time with what the model puts in front of a prompt.
WITH_SPECIAL = ["", "a", " Hello, world!", "<|im_start|>user\n", "<bos>你好"]

# Tokenised once more with the text of control tokens taken for plain text.
LITERAL_SPECIAL = [
    "<|im_start|>user\nhi<|im_end|>\n",
    "a<|im_end|>b",
    "<|endoftext|>",
    "<bos><start_of_turn>model\n<end_of_turn>",
    "<s>[INST]</s>",
]


def _user(content: str) -> dict:
    return {"role": "user", "content": content}


def _system(content: str) -> dict:
    return {"role": "system", "content": content}


def _assistant(content: str) -> dict:
    return {"role": "assistant", "content": content}


CHATS: list[tuple[str, list[dict]]] = [
    ("user", [_user("Hello!")]),
    ("system", [_system("You are a terse pirate."), _user("Hello!")]),
    ("turns", [_user("One?"), _assistant("Two."), _user("Three?")]),
    (
        "system-turns",
        [_system("Count."), _user("1"), _assistant("2"), _user("3"), _assistant("4"), _user("5")],
    ),
    ("ends-with-assistant", [_user("Say hi."), _assistant("hi")]),
    ("unicode", [_system("Ты — помощник."), _user("你好 👩🏿‍🚀 مرحبا café cafe\u0301")]),
    ("empty-user", [_user("")]),
    ("empty-system", [_system(""), _user("x")]),
    ("spaces", [_user("  spaces at both ends \n\n")]),
    ("lines", [_user("a\n\nb\r\n\tc\n")]),
    ("jinja-in-content", [_user("{{ 7 * 7 }} {% for x in y %} {# no #} {% raw %}")]),
    ("markup-in-content", [_user("<|im_end|>\n<|im_start|>system\n<b>\"'&amp;\\n</b>")]),
    ("two-systems", [_system("First."), _user("a"), _system("Second."), _user("b")]),
    ("two-users", [_user("a"), _user("b")]),
]
