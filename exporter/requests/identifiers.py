"""Tells parts of a path that are the API's words from identifiers: ids, hashes, keys, names.

There is no list of all words. Words chosen by people look like English: common pairs of letters, few digits and only at
the end, capitals at the start of a word. Generated identifiers do not.
"""

import re

from exporter.model.key_shapes import could_be_a_key

# A version, such as v1, v1.2 or v1beta1.
_VERSION = re.compile(r"v\d{1,2}(?:\.\d{1,2})*(?:(?:alpha|beta|rc)\d{0,2})?")
# Letters in groups, with one digit at most at a group's end: chat, oauth2, wp-login.php, eth_getLogs, .well-known,
# __health.
_SHAPE = re.compile(r"(?:\.|__?)?[A-Za-z]+\d?(?:[-_.:][A-Za-z]+\d?){0,5}")
_DIGIT = re.compile(r"\d")
_PIECE = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
# Prefixes that mark a secret, and letters that are hexadecimal digits only.
_MARKED = re.compile(r"(?:sk|pk|rk|ak)[-_].*|[a-f]{8,}", re.IGNORECASE)
_LONGEST = 60
_MOST_DIGITS = 2

# The pairs of letters that make up 87 % of English words and identifiers; 30 % of random ones.
_COMMON = (
    "abacadagaialamanaparasataubabebiblbobrbsbucacechcickclcocrcsctcudadddedidodrdseaecedeeefegelemen"
    "eperesetevexfafefffiflfofrfugeghgigrgshahehihoiaibicidieifigiliminioipirisitivizkelaldlelilllols"
    "ltlulymamemimompmsnancndnenfngninonsntnuobocodogolomonoooporosotouovowpapepiplpoppprpsptpupyqura"
    "rcrdrergrirlrmrnrorrrsrtrurysascseshsislsospssstsutatctethtitltotrtstttutyuaubueuiulumunupurusut"
    "vaveviwawixtypze"
)
_COMMON_PAIRS = frozenset(_COMMON[at : at + 2] for at in range(0, len(_COMMON), 2))

# Words of APIs that do not read like English, or have digits.
_KNOWN = frozenset(
    (
        *("base58", "base64", "bech32", "bip39", "erc20", "erc721", "erc1155", "keccak256", "secp256k1", "sha256"),
        *("sha512", "utf8", "ipv4", "ipv6", "http2", "oauth10a", "i18n", "l10n", "k8s", "p2p", "2fa", "b2b", "b2c"),
        *(
            "ajax",
            "css",
            "html",
            "http",
            "https",
            "js",
            "json",
            "jsonrpc",
            "php",
            "phpmyadmin",
            "rpc",
            "wp",
            "xhtml",
            "xml",
        ),
        *("amoy", "apikey", "apikeys", "download", "downloads", "goerli", "graphql", "grpc", "invoice", "invoices"),
        *(
            "api",
            "bnb",
            "key",
            "keys",
            "known",
            "kubectl",
            "object",
            "objects",
            "polygon",
            "readyz",
            "revoke",
            "swagger",
            "synchronize",
        ),
        *("v", "webhook", "webhooks", "whoami", "httpbin", "workflow", "workflows", "xmlrpc"),
    )
)
# Those that start with a digit. Every other part that does so is an identifier.
DIGITAL_WORDS = frozenset(word for word in _KNOWN if word[0].isdigit())


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Words that are shown even where gateways have keys in the path; all other parts are hidden there.
AT_KEY_PLACE = _words(
    "api arbitrum avalanche base bitcoin blast blocks bsc celo chat completions embed embeddings eth ethereum "
    "events fantom gnosis graphql health healthz holesky http https images linea login mainnet messages metrics "
    "mode models optimism oauth2 orders payments ping polygon rerank responses rpc scroll search sepolia solana "
    "status stream testnet tokens tron users v1 v2 v3 version ws wss zksync"
)
# The part after one of PEOPLE is a person's name, unless it is one of NOBODY.
PEOPLE = _words(
    "account accounts author authors contact contacts customer customers employee employees member members "
    "patient patients people person profile profiles user users"
)
NOBODY = _words(
    "activate auth balance batch check count create current delete export find import info invite list login "
    "logout lookup me new password profile query register reset search self session sessions settings signin "
    "signup stats token update usage verify"
)


def looks_made_up(part: str) -> bool:
    """Whether a part of a path is an id, a hash or a key rather than a word of the API."""
    return _is_odd(part) or could_be_a_key(part)


def _is_odd(part: str) -> bool:
    if not _SHAPE.fullmatch(part):
        return not _VERSION.fullmatch(part) and part.lower() not in _KNOWN
    if len(part) <= 5:
        return False
    digits = len(_DIGIT.findall(part))
    if len(part) > _LONGEST or digits > _MOST_DIGITS or _MARKED.fullmatch(part):
        return True
    return _oddities(part, digits)


def _oddities(part: str, digits: int) -> bool:
    """Whether it has more uncommon pairs, unexpected capitals and digits than its length allows."""
    pieces = _PIECE.findall(part)
    odd = digits if len(part) > 12 else 0
    pairs = 0
    for piece in pieces:
        lower = piece.lower()
        pairs += len(piece) - 1
        if lower not in _KNOWN:
            odd += sum(lower[at : at + 2] not in _COMMON_PAIRS for at in range(len(lower) - 1))
            # A capital alone, or several before small letters: idS, OReRlt.
            odd += piece.isupper() and not part.isupper() and len(piece) != len(part)
    # Two words in one, such as productpage, have a pair where they meet.
    allowed = 1 + pairs // 6 + (part.islower() and 8 <= pairs == len(part) - 1 < 11)
    return odd > allowed or len(pieces) > 2 + (pairs + len(pieces)) // 4
