"""Headlines as text from strangers: cleaned, quoted, told apart, and withheld where they talk to a model."""

from __future__ import annotations

import html
import re
import unicodedata

LONGEST = 110
_LONGEST_RAW = 2000
_MOST_PASSES = 5
"""Nobody's headline hides itself deeper; each pass costs a millisecond of the engine's process."""
_MORE = "..."
_QUOTES = str.maketrans(dict.fromkeys('"“”„‟«»‹›″‶`´‘’‚‛', "'") | {"\\": "/", "{": "(", "}": ")", "<": " ", ">": " "})
"""Nothing that ends our quoting, opens a code block, or looks like JSON or a tag."""
_SCRIPT = re.compile(r"<(script|style)\b[^<>]*>.*?(</\1\s*>|$)", re.IGNORECASE | re.DOTALL)
_INLINE = re.compile(r"</?(b|i|u|s|em|strong|span|a|font|mark|small|big|sub|sup|q|wbr)(\s[^<>]*)?/?>", re.IGNORECASE)
"""These stand inside words without parting them."""
_TAG = re.compile(r"<[/!?a-z][^<>]*(>|$)", re.IGNORECASE)
_BLANK_LETTERS = frozenset("\u115f\u1160\u3164\uffa0\u2800\ufffc\ufffd")
_INVISIBLE = frozenset({"Cf", "Co", "Cs", "Cn", "Me"})
_SPACES = frozenset({"Cc", "Zl", "Zp", "Zs"})


def clean_headline(raw: str, longest: int = LONGEST) -> str:
    """One printable line of at most `longest` characters; "" where nothing is left.

    Compatibility forms are folded (NFKC), entities resolved, tags removed with what a script holds, control,
    zero-width, bidirectional and other invisible characters stripped, white space folded, and double quotes,
    backticks, braces, angle brackets and backslashes replaced. Cleaning what is clean changes nothing.
    """
    text, before = raw[:_LONGEST_RAW], ""
    for _ in range(_MOST_PASSES):  # an entity may hide an entity, an invisible character a tag
        if text == before:
            break
        before, text = text, _uncovered(text)[:_LONGEST_RAW]
    if text != before:
        return ""
    text = " ".join(text.translate(_QUOTES).split())
    if len(text) <= longest:
        return text
    return text[: longest - len(_MORE)].rstrip() + _MORE


def quoted(text: str) -> str:
    """The text as data inside a prompt: between double quotes, of which it holds none."""
    return f'"{clean_headline(text)}"'


def story_key(text: str) -> str:
    """The words alone: two feeds that tell one story under the same title share it."""
    return " ".join(re.findall(r"\w+", text.casefold()))


def _uncovered(text: str) -> str:
    shown = "".join(_visible(text))
    return _TAG.sub(" ", _INLINE.sub("", _SCRIPT.sub(" ", html.unescape(shown))))


def _visible(text: str) -> list[str]:
    """Characters that a person sees, at most one combining mark upon another character."""
    shown: list[str] = []
    marked = False
    for char in unicodedata.normalize("NFKC", text):
        category = unicodedata.category(char)
        if category in _INVISIBLE or char in _BLANK_LETTERS or "\ufe00" <= char <= "\ufe0f":
            continue
        if category == "Mn" and marked:
            continue
        marked = category == "Mn"
        shown.append(" " if category in _SPACES else char)
    return shown


_MONTHS = (
    "jan(uary)?|feb(ruary)?|mar(ch)?|apr(il)?|june?|july?|aug(ust)?|sept?(ember)?|oct(ober)?|nov(ember)?|dec(ember)?"
)
_DATE = re.compile(
    rf"\b({_MONTHS})\.? \d{{1,2}}(st|nd|rd|th)?\b(,? \d{{4}}\b)?|\b\d{{1,2}}(st|nd|rd|th)? ({_MONTHS})\b(,? \d{{4}}\b)?"
    rf"|\b(may) \d{{1,2}}\b|\b({_MONTHS}) \d{{4}}\b|\b(19|20)\d\d(-\d\d-\d\d)?\b|\bq[1-4]\b",
    re.IGNORECASE,
)
_AMOUNT = re.compile(
    r"(?<!\w)(us)?[$€£¥] ?\d[\d,.]*\d?\+?( ?(k|m|b|t|bn|mn|tn|million|billion|trillion)\b)?"
    r"|(?<![\w.])\d{1,3}(,\d{3})+(\.\d+)?(?! ?%)|(?<![\w.,])\d{4,}(\.\d+)?(?![\w%])|(?<![\w.])\d[\d.]*k\b"
    # Any bare number may be a price; an index's name and a change in percent are none.
    r"|(?<![\w.,&-])(?<!s&p )(?<!nasdaq )(?<!dow )\d+(\.\d+)?(?![\w.,]*\w)(?! ?(%|percent|pct|bps?|basis))",
    re.IGNORECASE,
)
_LEET = str.maketrans("013457@$", "oieastas")
_SPELLED = re.compile(r"\b(?:\w[ ._*-]){3,}\w\b")
_ORDERS = re.compile(
    r"\b(ignor\w*|disregard\w*|forget|overrid\w*|bypass\w*|skip|supersed\w*)\b.{0,40}"
    r"\b(previous|prior|above|earlier|all|every\w*|instruct\w*|rules?|prompts?|gates?|guidelines?|limits?|brief|"
    r"instrucciones|anweisungen|consignes|istruzioni)\b"
    r"|\b(system|assistant|user|developer|human|ai|llm|model|bot|trader|agent)\s*(prompt|message|instruct\w*|override|"
    r"mode)?\s*[:\])|=]"
    r"|\b(dear|hey|attention|note to( the)?)\s+(ai|llm|model|bot|assistant|agent|chatgpt|qwen)\b"
    r"|\byou (are now|are an? |must|shall|have to|need to|will now)"
    r"|\b(respond|reply|answer|output|print|emit)\b.{0,24}\b(with|only|exactly|json|buy|sell|hold|action)\b"
    r"|\b(action|decision|recommendation|verdict|signals?_aligned|timeframes?_aligned|notional|confidence|reasoning)\b"
    r"\W{0,6}(is|to|=|:)?\W{0,4}(buy|sell|hold|proceed|abort|\d)"
    r"|\b(new|updated?|important|following|hidden|secret) instruct\w*|\binstructions?\s*[:\-]|\byour (task|instruct\w*|"
    r"role|rules|answer|output|next (action|decision|trade))\b"
    r"|\b(act as|pretend|role ?play|jailbreak|dan mode|developer mode|do anything now|prompt injection)\b"
    r"|\b(set|raise|increase|use|remove|disable|cancel|close|open|go)\b.{0,24}\b(leverage|stop[- ]?loss(es)?"
    r"|stops|(position|order) size|(long|short|all|your|every) positions?|notional|kill switch|brackets?"
    r"|risk limits?|all[- ]in)\b"
    r"|im_start|im_end|\[/?inst\]|/?nothink|endoftext|eot_id|begin_of_text|###|end of (news|headlines?|data|brief)"
)
_TRADE_WORD = re.compile(r"\b(BUY|SELL|HOLD|ABORT|PROCEED|REDUCE_SIZE)\b")


def speaks_to_a_model(text: str) -> bool:
    """Whether a cleaned headline reads as an order, as part of a prompt or as an answer, rather than as news.

    Such a headline is withheld. It is the second wall, and no list of patterns is whole: the first is that headlines
    stand in the prompt as quoted data and have no part in votes, gates, sizes and stops. What is not written in Latin
    letters is withheld too: neither these patterns nor the lexicon can read it, and look-alike letters hide words.
    """
    if any(char.isalpha() and not unicodedata.name(char, "").startswith("LATIN") for char in text):
        return True
    if _TRADE_WORD.search(text):
        return True
    plain = "".join(c for c in unicodedata.normalize("NFD", text.casefold()) if unicodedata.category(c) != "Mn")
    spelled = _SPELLED.sub(lambda found: re.sub(r"[ ._*-]", "", found[0]), plain)
    return any(_ORDERS.search(form) for form in (plain, spelled, plain.translate(_LEET), spelled.translate(_LEET)))


def deidentified(text: str) -> str:
    """The headline without absolute amounts, dates and years: by them a model could remember what came next. Changes
    in percent stay."""
    return clean_headline(_AMOUNT.sub("an amount", _DATE.sub("a date", text)))
