"""Which words could be a raw API key, and what is shown of names that people or clients choose. Cold path.

A word is judged by how it reads. `_PAIRS` says how likely a letter follows another in names of models, methods, hosts
and packages (130,000 were counted). A name is far likelier by that table than as a draw from its own alphabet, and a
random key is not: of keys drawn from an alphabet of n characters, at most 1 in 2**b is b bits likelier as a name than
as a draw (Markov's inequality). `tests/unit/test_key_shapes.py` measures it for 40 shapes of keys.
"""

import re
import unicodedata
from math import log2

# A name is cut to so many characters.
LONGEST_NAME = 120
# Shorter words are no keys, unless a prefix marks them.
_SHORTEST = 16
# So many bits must a word be likelier as a name; no stretch of it may be so many bits likelier as a random one.
_NAME_BITS = 1.0
_RANDOM_BITS = 18.0
# The first character of an e-mail address, and the rest before its domain.
_EMAIL = re.compile(r"(?<![\w.+-])([\w.+-])[\w.+-]*+@(?=[\w-]+\.[\w.-]*[A-Za-z])")
# Unicode's categories of characters that are not shown, or turn what is around them.
_UNSEEN = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")

# Prefixes that providers give their keys, with as many characters behind as no name has there.
_MARKED = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    r"(?i:sk|pk|rk|ak)[-_][A-Za-z0-9_-]{8}"
    r"|(?:gh[pousr]_|github_pat_|glpat-|gsk_|xai-|xox[abeoprs]-|npm_|pypi-|dop_v1_|nvapi-|whsec_|shp(?:at|ca|pa|ss)_"
    r"|tvly-|rzp_(?:live|test)_|lin_api_|sbp_|ya29\.|SG\.|AIza)(?=[A-Za-z0-9_.-]*\d)[A-Za-z0-9_.-]{8}"
    r"|(?:gh[pousr]_|gsk_|hf_|fw_|npm_|r8_|pplx-|AIza)[A-Za-z0-9]{16}"
    r"|(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{12}"
    r"|eyJ[A-Za-z0-9_-]{8}"
    r")"
)
# What reads like nothing and is in names: sizes of models (8x22B, 200k), and layers in methods of rollups.
_SIZES = re.compile(r"(?<=[a-zM]-)(?:\d-)?(?:\d{1,3}(?:[xp]\d{1,3}[BbKk]?|[BbKk]))(?:-a\d{1,2}b)?(?:-|$)")
_ROLLUP = re.compile(r"(?:arb|linea|optimism|rollup|scroll|zkevm|zks)_[A-Za-z0-9]+")
_LAYERS = re.compile(r"(?<=[a-z])L[12](?:ToL[12])?(?=[A-Z]|$)")
# Bitcoin's methods that do not read like names. Source: https://bitcoincore.org/en/doc/
_METHODS = frozenset(
    (
        *("addmultisigaddress", "getnetworkhashps", "getzmqnotifications", "signmessagewithprivkey"),
        *("signrawtransactionwithkey", "signrawtransactionwithwallet", "verifytxoutproof", "walletprocesspsbt"),
    )
)
# The shortest of all these, found much faster.
_LONG_ENOUGH = re.compile(r"[\w.-]{11}", re.ASCII)
_UUID = re.compile(r"(?<![0-9a-z])[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
# What `keys/identity.py` makes of a key.
_PUBLIC = re.compile(r"k_[0-9a-f]{16}")
_WHOLE = re.compile(r"\S++")
_PART = re.compile(r"[\w~+-]++", re.ASCII)
_RUN = re.compile(r"[A-Za-z0-9]++")
_ALPHABETS = (
    (10, re.compile(r"[0-9]+")),
    (16, re.compile(r"[0-9a-f]+|[0-9A-F]+")),
    (26, re.compile(r"[a-z]+|[A-Z]+")),
    (32, re.compile(r"[a-z2-7]+|[A-Z2-7]+")),
    (36, re.compile(r"[a-z0-9]+|[A-Z0-9]+")),
    (38, re.compile(r"[a-z0-9_-]+")),
    (52, re.compile(r"[A-Za-z]+")),
    (58, re.compile(r"[1-9A-HJ-NP-Za-km-z]+")),
    (62, re.compile(r"[A-Za-z0-9]+")),
    (64, re.compile(r"[\w-]+|[A-Za-z0-9+/]+", re.ASCII)),
)
_MOST_CHARACTERS = 68

# Half bits that it takes to say which character follows one: 28 rows of 28, `a` is 1. Small letters, then any digit,
# then anything else, which also stands for the beginning.
_PAIRS = (
    "pjhjsoiwfuoghgrjvghfjnpllkkhfomneopshksfkohqvijphstrjukegqingorgjxggoodnximfktutnxmhglnjcknsftqloqjowikolqstoxkf"
    "injhimmspwlijfojofhgnliinvoefonnhiqscxtfppglwhmkjtosowjjirpscpljhxrhnlifxhjmjtwwsuqgeqnneotrgxpomngpugkjhruulxne"
    "klhjjmjptxpihdhmtihgmmxmxmrfeonkdmptlropomfhpnfogokvuxkhlomneqnphutnplmospdnjqnvqxjcenmlepqufwqgkrgnxqijjouslxnf"
    "dinneqrtexrljpfitrkokuuroxmggnihgjgrhtloqlhovqgellrqpwjfmlihrnjpmskiiejgtfjjhjkoowohgqomeqnlgxogprhkufhfjrttmrkh"
    "pqsptotvqxxiontqsmmodqbxxuqifnjldpkvgximkmfmvkjijntvlxngjqioenqhixommnijopidjqpvmxpdgolpenqhgxsmnqhnufillsqrjvod"
    "jihgimmxjxviifpjxffgutxoxxgjfplqdoqoexxlkojnxpnputsvqxdifrqpclqkhxopqkdppikotsttwxrghpjphpslgxumkrohuqneprtplujc"
    "ilmoknllmwuiiilftlhissmqppncfsrrertsjxgpqvgrvsqobwwvpprknhnmmnxwuwrttxpnxussurxrxxbcgkhijihlipmihkjiljhijjmmsofr"
)
_DIGIT, _OTHER = 26, 27
_BITS = [(ord(character) - 96) / 2 for character in _PAIRS]
# Which row and column a character has, its kind, and bits to say which digit or other character it is.
_CHARACTERS = {
    **{chr(97 + place): (place, "lower", 0.0) for place in range(26)},
    **{chr(65 + place): (place, "upper", 0.0) for place in range(26)},
    **{str(digit): (_DIGIT, "digit", log2(10)) for digit in range(10)},
}
_ANY_OTHER = (_OTHER, "other", 2.0)
# How likely a letter is a capital, behind a capital, a small letter, a digit and anything else.
_CAPITAL = {"upper": 0.6, "lower": 0.06, "digit": 0.2, "other": 0.25}
_CASE_BITS = {(before, "upper"): -log2(share) for before, share in _CAPITAL.items()}
_CASE_BITS |= {(before, "lower"): -log2(1 - share) for before, share in _CAPITAL.items()}


def could_be_a_key(text: str) -> bool:
    """Whether a raw API key could be in a text: by a provider's prefix, or as a word of 16 characters or more that
    does not read like a name.
    """
    if _LONG_ENOUGH.search(text) and (_MARKED.search(text) or _UUID.search(text)):
        return True
    return len(text) >= _SHORTEST and any(_is_random(word) for word in _long_words(text))


def has_key_prefix(text: str) -> bool:
    """Whether a text holds a provider's prefix of keys. For random texts such as request ids, that are no names."""
    return bool(_LONG_ENOUGH.search(text) and _MARKED.search(text))


def _long_words(text: str) -> set[str]:
    """The words that are long enough for a key, without the layers of a rollup's method and the size of a model."""
    if _ROLLUP.fullmatch(text):
        text = _LAYERS.sub("", text)
    text = _SIZES.sub("", text)
    if len(text) < _SHORTEST or text in _METHODS or _PUBLIC.fullmatch(text):
        return set()
    return {word for pattern in (_WHOLE, _PART, _RUN) for word in pattern.findall(text) if len(word) >= _SHORTEST}


def shown_name(text: str, emails: bool = True) -> str:
    """A name that somebody gave a key: cut, and without characters that are not seen; "" for what could be a key.
    Without `emails`, e-mail addresses are shortened.
    """
    cut = text[: 4 * LONGEST_NAME]
    if cut.isascii() and cut.isprintable():
        seen = cut
    else:
        seen = "".join(" " if unicodedata.category(character) in _UNSEEN else character for character in cut)
    name = " ".join(seen.split())
    if could_be_a_key(name):
        return ""
    name = name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"
    return name if emails else short_emails(name)


def short_emails(text: str) -> str:
    """A text whose e-mail addresses have but their first letter before the domain."""
    return _EMAIL.sub(r"\1***@", text) if "@" in text else text


def _is_random(word: str) -> bool:
    """Whether a word, or a stretch of it, is likelier drawn at random than written as a name."""
    size = next((size for size, alphabet in _ALPHABETS if alphabet.fullmatch(word)), _MOST_CHARACTERS)
    random_bits = log2(size)
    surplus = worst = stretch = 0.0
    before = ""
    for character in word:
        bits = _STEPS.get(before + character)
        bits = (_step(before, character) if bits is None else bits) - random_bits
        surplus -= bits
        stretch += bits
        if stretch < 0.0:
            stretch = 0.0
        elif stretch > worst:
            worst = stretch
        before = character
    return surplus < _NAME_BITS or worst > _RANDOM_BITS


def _step(before: str, character: str) -> float:
    """Bits that it takes to say that a character follows another, or, behind "", that a word begins with it."""
    previous, kind_before, _ = _CHARACTERS.get(before, _ANY_OTHER)
    current, kind, bits = _CHARACTERS.get(character, _ANY_OTHER)
    if kind == "upper" and kind_before == "lower":
        previous = _OTHER  # a word begins: getLogs
    return bits + _BITS[28 * previous + current] + _CASE_BITS.get((kind_before, kind), 0.0)


# Of the characters that nearly all words are made of.
_USUAL = (*_CHARACTERS, *"-_.")
_STEPS = {before + character: _step(before, character) for before in ("", *_USUAL) for character in _USUAL}
