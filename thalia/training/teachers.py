"""Who says what should have been replied: a script, or a chat endpoint of the OpenAI kind."""

import http.client
import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import urlsplit

from thalia.errors import fail, shortened
from thalia.training.dialogue import Sentence, words_of
from thalia.training.dialogue import every_turn as scripted_turns

KEY = "THALIA_TEACHER_KEY"  # environment variable with the key of a chat endpoint
MOST_BYTES = 1_000_000  # of an answer
MOST_WORDS = 7  # of a reply, which the endpoint is asked for
TRIES, FIRST_WAIT = 3, 0.5  # seconds, twice as long before each further try
AGAIN = {408, 429, 500, 502, 503, 504}  # of HTTP, after which it is tried again
REMEMBERED = 8  # turns that the endpoint is told
TASK = (
    "You teach a small network to talk. To each sentence of its partner, give the reply that the "
    f"network should have given: at most {MOST_WORDS} simple English words, and nothing else."
)


class UnansweredError(Exception):
    """A teacher that did not say anything; the text says why."""


class Teacher(Protocol):
    """Says what should have been replied to a prompt; `name` is who taught, in the transcript."""

    name: str

    def reply(self, prompt: Sentence) -> Sentence:
        """What should have been replied.

        Raises
        ------
        UnansweredError
            If it does not know, or did not answer.
        """
        ...


class Script:
    """A teacher who knows the thirty templates, and what they reply."""

    name = "scripted"

    def __init__(self) -> None:
        self.replies = {turn.prompt: turn.reply for turn in scripted_turns()}

    def reply(self, prompt: Sentence) -> Sentence:
        """The reply of the template, if there is one."""
        if prompt not in self.replies:
            raise UnansweredError("the script has no reply to this")
        return self.replies[prompt]


@dataclass
class Endpoint:
    """A chat endpoint of the OpenAI kind, such as `http://localhost:8080/v1`.

    Parameters
    ----------
    url : str
        Its address, to which `/chat/completions` is added.
    persona : str
        Who the teacher is, in its own words.
    timeout : float
        Seconds after which a try is given up, as a whole.
    tokens : int
        How many may be used, by what the endpoint counts, or by its words where it does not.
    wait : function
        Waits some seconds between two tries.

    Raises
    ------
    CircuitError
        If the address is not one of HTTP.
    """

    url: str
    model: str = "default"
    persona: str = ""
    timeout: float = 30.0
    tokens: int = 100_000
    key: str = field(default_factory=lambda: os.environ.get(KEY, ""), repr=False)
    wait: Callable[[float], None] = time.sleep
    said: list[tuple[str, str]] = field(default_factory=list)

    name: str = field(init=False)

    def __post_init__(self) -> None:
        if not (name := _name(self.url)):
            raise fail(
                f"--teacher: expected scripted, none or the address of a chat endpoint, found "
                f"'{shortened(self.url)}'",
                "--teacher http://localhost:8080/v1",
            )
        self.name = name
        if not (self.key.isascii() and self.key.isprintable()):
            raise fail(f"{KEY}: expected a key of printable ASCII characters", "look for a newline")
        self.opener = urllib.request.build_opener(_NoRedirects)

    def reply(self, prompt: Sentence) -> Sentence:
        """What the endpoint says; of a longer text, its first line."""
        if self.tokens <= 0:
            raise UnansweredError("the tokens of --most-tokens are used up")
        heard = " ".join(prompt)
        text = self._asked(self._messages(heard))
        words = words_of(next(iter(text.strip().splitlines()), ""))
        if not words:
            raise UnansweredError(f"expected a reply of words, found '{shortened(text)}'")
        self.said.append((heard, " ".join(words)))
        return words

    def _messages(self, heard: str) -> list[dict[str, str]]:
        system = f"{TASK}\n\n{self.persona}".strip()
        found = [{"role": "system", "content": system}]
        for prompt, reply in self.said[-REMEMBERED:]:
            found.append({"role": "user", "content": prompt})
            found.append({"role": "assistant", "content": reply})
        return [*found, {"role": "user", "content": heard}]

    def _asked(self, messages: list[dict[str, str]]) -> str:
        """The text of an answer, after as many tries as it takes."""
        body = {"model": self.model, "messages": messages, "max_tokens": 40, "stream": False}
        wait = FIRST_WAIT
        for left in reversed(range(TRIES)):
            try:
                return self._answer(json.dumps(body).encode())
            except urllib.error.HTTPError as error:
                with error:
                    told = f"HTTP {error.code}: {shortened(_text(error.read(1000)))}"
                if error.code not in AGAIN or not left:
                    raise UnansweredError(told) from None
            except (OSError, http.client.HTTPException) as error:
                if not left:
                    raise UnansweredError(_why(error)) from None
            except ValueError as error:  # of an address that cannot be written in ASCII
                raise UnansweredError(_why(error)) from None
            self.wait(wait)
            wait *= 2
        raise AssertionError("the last try returns or raises")

    def _answer(self, body: bytes) -> str:
        headers = {"Content-Type": "application/json", "User-Agent": "thalia"}
        if self.key:
            headers["Authorization"] = f"Bearer {self.key}"
        address = self.url.rstrip("/") + "/chat/completions"
        request = urllib.request.Request(address, body, headers)
        deadline = time.monotonic() + self.timeout
        with self.opener.open(request, timeout=self.timeout) as response:
            whole = _read(response, deadline)
            streams = response.headers.get_content_type() == "text/event-stream"
        text, used = _streamed(whole) if streams else _complete(whole)
        self.tokens -= used or len(text.split()) + len(body.split())
        return text


def _name(url: str) -> str:
    """The address as the transcript names it; empty if it is none, or has a password in it."""
    try:
        parts = urlsplit(url)
        is_one = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:  # of a port or an IPv6 address
        return ""
    return f"{parts.scheme}://{parts.netloc}{parts.path}" if is_one and "@" not in url else ""


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """An answer from elsewhere is none: the key was meant for this address alone."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        """Go nowhere, so that the redirection is the answer, an error."""


def _read(response: Any, deadline: float) -> str:
    """The whole of an answer that ends before the deadline and is not too large."""
    found = b""
    while piece := response.read1(65536):
        found += piece
        if len(found) > MOST_BYTES:
            raise UnansweredError(f"the answer is larger than {MOST_BYTES:,} bytes")
        if time.monotonic() > deadline:
            raise TimeoutError
    if response.length:  # of the bytes that were announced
        raise http.client.IncompleteRead(found, response.length)
    return _text(found)


def _complete(whole: str) -> tuple[str, int]:
    """The text of an answer in one piece, and the tokens that it took, 0 if it does not say."""
    answer = _json(whole)
    return _content(answer, "message"), _used(answer)


def _streamed(whole: str) -> tuple[str, int]:
    """The same of an answer in pieces (server-sent events)."""
    pieces = list(_events(whole))
    if not pieces:
        raise UnansweredError("the answer is an empty stream")
    text = "".join(_content(each, "delta") for each in pieces if each.get("choices"))
    return text, max(map(_used, pieces))


def _events(whole: str) -> Iterator[Any]:
    for line in whole.splitlines():
        name, _, value = line.partition(":")
        if name == "data" and value.strip() != "[DONE]":
            yield _json(value)


def _json(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise UnansweredError(f"expected JSON, found '{shortened(text.strip())}'")
    return found


def _content(answer: dict[str, Any], part: str) -> str:
    """The text in `choices[0].message.content`, or of a piece in `delta`."""
    try:
        text = answer["choices"][0][part].get("content")
    except (KeyError, IndexError, TypeError, AttributeError):
        found = shortened(json.dumps(answer))
        raise UnansweredError(f"expected choices with a {part}, found {found}") from None
    if text is not None and not isinstance(text, str):
        raise UnansweredError(f"expected a text, found {shortened(json.dumps(text))}")
    return text or ""


def _used(answer: dict[str, Any]) -> int:
    usage = answer.get("usage")
    total = usage.get("total_tokens") if isinstance(usage, dict) else None
    return total if isinstance(total, int) and total > 0 else 0


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


def _why(error: BaseException) -> str:
    """Why no answer came, in a few words."""
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(reason, TimeoutError):
        return "no answer in time"
    if isinstance(reason, http.client.RemoteDisconnected | http.client.IncompleteRead):
        return "the connection was closed before the answer was whole"
    return f"{type(reason).__name__}: {shortened(str(reason))}"
