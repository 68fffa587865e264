"""Prompts and replies from thirty templates, and how well replies agree with those wanted."""

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import product

import numpy as np

from thalia.errors import Path, Problem

type Sentence = tuple[str, ...]

SILENCE = "."  # the word that ends a reply, and stands before the first of a prompt
FILLERS = {
    "NAME": ["tom", "ann", "bob", "eve", "max", "lia"],
    "OTHER": ["tom", "ann", "bob", "eve", "max", "lia"],
    "ANIMAL": ["cat", "dog", "cow", "duck", "sheep", "frog"],
    "COLOUR": ["red", "blue", "green", "black"],
    "OBJECT": ["ball", "hat", "cup", "book"],
    "PLACE": ["park", "home", "school"],
}
# what a reply says in place of what was heard
SOUNDS = dict(zip(FILLERS["ANIMAL"], ["meow", "woof", "moo", "quack", "baa", "croak"], strict=True))
OPPOSITES = dict(zip(FILLERS["COLOUR"], ["green", "black", "red", "blue"], strict=True))
# what no template says of people: a verb, what follows it, and the word between them
FACTS = (
    ("has", FILLERS["ANIMAL"], ("the",)),
    ("likes", FILLERS["OBJECT"], ("the",)),
    ("says", [*SOUNDS.values()], ()),
    ("is", FILLERS["COLOUR"], ()),
)
ASSOCIATES = {"SOUND": ("ANIMAL", SOUNDS), "OPPOSITE": ("COLOUR", OPPOSITES)}
TEMPLATES = tuple(
    (prompt.split(), reply.split())
    for prompt, reply in (
        ("my name is NAME", "hello NAME nice"),
        ("i am NAME", "hi NAME i am baby"),
        ("who has the OBJECT i think NAME", "NAME has the OBJECT"),
        ("NAME likes OTHER", "so NAME and OTHER like"),
        ("OTHER is like NAME", "so OTHER and NAME like"),
        ("what says the ANIMAL", "the ANIMAL says SOUND"),
        ("say ANIMAL", "ANIMAL says SOUND"),
        ("the ANIMAL is COLOUR", "is the ANIMAL COLOUR"),
        ("is the ANIMAL COLOUR", "yes the ANIMAL is COLOUR"),
        ("a COLOUR OBJECT", "i like the COLOUR OBJECT"),
        ("give NAME the OBJECT", "NAME here is the OBJECT"),
        ("the OBJECT is at PLACE", "the OBJECT is at PLACE"),
        ("where is NAME is NAME at PLACE", "yes NAME is at PLACE"),
        ("NAME is at the PLACE with OTHER", "OTHER is at PLACE with NAME"),
        ("go PLACE with NAME", "NAME i go to PLACE"),
        ("my OBJECT is COLOUR", "nice COLOUR OBJECT"),
        ("not COLOUR", "is it OPPOSITE"),
        ("is it COLOUR no not COLOUR", "so it is OPPOSITE"),
        ("see the ANIMAL at PLACE", "ANIMAL at PLACE says SOUND"),
        ("NAME see the ANIMAL", "yes NAME the ANIMAL says SOUND"),
        ("hi baby", "hi"),
        ("how are you", "i am good"),
        ("good night", "good night"),
        ("what do you like", "i like you"),
        ("thank you", "you are nice"),
        ("bye NAME", "bye bye NAME"),
        ("the COLOUR ANIMAL", "COLOUR ANIMAL says SOUND"),
        ("take the OBJECT to PLACE", "i take the OBJECT to the PLACE"),
        ("NAME and OTHER go PLACE", "OTHER and NAME at PLACE"),
        ("NAME likes the ANIMAL who", "NAME likes the ANIMAL"),
    )
)
WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")  # letters and digits of any script
HELD_OUT = 0.4  # of the combinations of a template


def _vocabulary() -> tuple[Sentence, Sentence]:
    """Function words, and those that fill templates or are associated with these."""
    fillers = dict.fromkeys(w for words in FILLERS.values() for w in words)
    fillers |= dict.fromkeys([*SOUNDS.values(), *OPPOSITES.values()])
    kinds = {*FILLERS, *ASSOCIATES}
    every = (word for template in TEMPLATES for half in template for word in half)
    return tuple(dict.fromkeys(w for w in every if w not in kinds)), tuple(fillers)


FUNCTION_WORDS, CONTENT_WORDS = _vocabulary()
WORDS = (SILENCE, *FUNCTION_WORDS, *CONTENT_WORDS)


def words_of(text: str) -> Sentence:
    """The words of a text, in small letters; everything between them is left out."""
    return tuple(WORD.findall(unicodedata.normalize("NFC", text).lower()))


@dataclass(frozen=True)
class Turn:
    """What is said, and what is to be replied."""

    prompt: Sentence
    reply: Sentence


@dataclass(frozen=True)
class Dialogue:
    """The turns from which replies are learned, and those with other combinations of words."""

    learned: tuple[Turn, ...]
    held_out: tuple[Turn, ...]


def dialogue(random: np.random.Generator, learned: int, held_out: int) -> Dialogue:
    """Draw turns: a template, then one of its combinations of fillers.

    Of the combinations of each template `HELD_OUT` are kept for the end, so that none of these
    prompts was heard before; but each animal with its sound, and each colour with its opposite, is
    in what may be learned.
    """
    known, unknown = zip(*_split(random), strict=True)
    asked = [turns for turns in unknown if turns]

    def drawn(of: Sequence[Sequence[Turn]], count: int) -> tuple[Turn, ...]:
        chosen = (of[int(random.integers(len(of)))] for _ in range(count))
        return tuple(turns[int(random.integers(len(turns)))] for turns in chosen)

    return Dialogue(drawn(known, learned), drawn(asked, held_out))


def _split(random: np.random.Generator) -> list[tuple[list[Turn], list[Turn]]]:
    """The turns of each template that may be learned, and those that are held out."""
    while True:
        found = []
        for template in TEMPLATES:
            turns = _turns(template)
            order = [turns[each] for each in random.permutation(len(turns))]
            kept = int(HELD_OUT * len(turns))
            found.append((order[kept:], order[:kept]))
        taught = {
            (heard, said)
            for known, _ in found
            for turn in known
            for _, pairs in ASSOCIATES.values()
            for heard, said in pairs.items()
            if heard in turn.prompt and said in turn.reply
        }
        if len(taught) == sum(len(pairs) for _, pairs in ASSOCIATES.values()):
            return found


def every_turn() -> list[Turn]:
    """All that the templates can say."""
    return [turn for template in TEMPLATES for turn in _turns(template)]


def facts(random: np.random.Generator, kinds: int) -> list[Turn]:
    """What is in no template: of each of the first kinds of `FACTS`, one about each person.

    Each animal, object, sound or colour is that of as many persons as any other, or of one more.
    """
    found = []
    for verb, of, article in FACTS[:kinds]:
        fillers = random.permutation(of)
        for place, name in enumerate(FILLERS["NAME"]):
            filler = str(fillers[place % len(fillers)])
            found.append(Turn(("what", verb, name), (name, verb, *article, filler)))
    return found


def _turns(template: tuple[list[str], list[str]]) -> list[Turn]:
    """All turns of a template, with two different names where it has two."""
    prompt, reply = template
    slots = [slot for slot in FILLERS if slot in prompt]
    found = []
    for words in product(*(FILLERS[slot] for slot in slots)):
        if len({*words}) < len(words):
            continue
        filled = dict(zip(slots, words, strict=True))
        for name, (slot, pairs) in ASSOCIATES.items():
            if slot in filled:
                filled[name] = pairs[filled[slot]]
        halves = (tuple(filled.get(word, word) for word in half) for half in (prompt, reply))
        found.append(Turn(*halves))
    return found


def scores(wanted: Sequence[Sentence], given: Sequence[Sentence]) -> dict[str, float]:
    """How well replies agree with those wanted.

    Returns
    -------
    `exact`, the percentage of replies that are as wanted, word by word; `token`, the percentage of
    places at which the words agree, of the longer of both; and `bleu`, corpus BLEU of up to four
    words (Papineni et al. 2002), by sacrebleu: the words as they are (no tokenisation), exponential
    smoothing, one reference.
    """
    from sacrebleu.metrics.bleu import BLEU

    corpus = BLEU(tokenize="none", smooth_method="exp", force=True)
    bleu = corpus.corpus_score([" ".join(g) for g in given], [[" ".join(w) for w in wanted]])
    pairs = list(zip(wanted, given, strict=True))
    same = [words_right(w, g) for w, g in pairs]
    return {
        "exact": 100 * float(np.mean([w == g for w, g in pairs])),
        "bleu": float(bleu.score),
        "token": 100 * float(np.mean(same)),
    }


def words_right(wanted: Sentence, given: Sentence) -> float:
    """The share of places at which the words agree, of the longer of both."""
    return sum(map(str.__eq__, wanted, given)) / max(len(wanted), len(given), 1)


def missing_scores(path: Path) -> list[Problem]:
    """The problem that replies cannot be scored, if sacrebleu is not installed."""
    if find_spec("sacrebleu"):
        return []
    return [Problem(path, "BLEU is computed by sacrebleu", "pip install 'thalia[learn]'")]


def replies_without_a_network(data: Dialogue) -> Mapping[str, tuple[str, list[Sentence]]]:
    """What other methods reply to the held-out prompts, by name, each with what it does."""
    replies = [turn.reply for turn in data.learned]
    prompts = [{*turn.prompt} for turn in data.learned]
    asked = [turn.prompt for turn in data.held_out]
    often = Counter(replies).most_common(1)[0][0]
    last = [replies[-1], *(turn.reply for turn in data.held_out[:-1])]

    def nearest(prompt: Sentence) -> Sentence:
        mine = {*prompt}
        shared = [len(mine & other) / len(mine | other) for other in prompts]
        return replies[int(np.argmax(shared))]

    chain = _most_likely(replies)
    return {
        "most_frequent": ("the most frequent reply", [often] * len(asked)),
        "last_reply": ("the reply that was right the turn before", last),
        "bigrams": (
            "the word that most often followed the last two, whatever was heard",
            [chain] * len(asked),
        ),
        "retrieval": (
            "the reply to the prompt that shares most words with this one",
            [nearest(prompt) for prompt in asked],
        ),
        "oracle": ("the templates themselves", [turn.reply for turn in data.held_out]),
    }


def _most_likely(replies: Sequence[Sentence]) -> Sentence:
    """The reply in which each word is the one that most often followed the two before it."""
    after: dict[Sentence, Counter[str]] = defaultdict(Counter)
    for reply in replies:
        whole = (SILENCE, SILENCE, *reply, SILENCE)
        for first, second, third in zip(whole, whole[1:], whole[2:], strict=False):
            after[first, second][third] += 1
    said: list[str] = [SILENCE, SILENCE]
    longest = max(map(len, replies))
    while len(said) < longest + 2:
        word = after[said[-2], said[-1]].most_common(1)[0][0]
        if word == SILENCE:
            break
        said.append(word)
    return tuple(said[2:])
