"""Teachers of a conversation: the script, and an endpoint that answers whole, in pieces, wrongly, late or never."""

import io
import json
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.helpers import thalia_here
from thalia.errors import CircuitError
from thalia.training import teachers
from thalia.training.partner import kept_in
from thalia.training.teachers import REMEMBERED, TRIES, Endpoint, Script, UnansweredError

MESSAGE = {"choices": [{"message": {"role": "assistant", "content": "Hello, Tom!\nMore."}}]}
PIECES = [
    {"choices": [{"delta": {"role": "assistant"}}]},
    {"choices": [{"delta": {"content": "hello "}}]},
    {"choices": [{"delta": {"content": "tom"}}], "usage": None},
    {"choices": [], "usage": {"total_tokens": 17}},
]
STREAM = (
    "".join(f"data: {json.dumps(each)}\n\n" for each in PIECES) + ": kept alive\n\ndata: [DONE]\n"
)


class Server(ThreadingHTTPServer):
    """An endpoint that gives the answers that a test asks for, and keeps what it was asked."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers, self.asked = [], []

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/v1"


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked.append((self.path, dict(self.headers), json.loads(body)))
        answers = self.server.answers
        self.respond(**(answers.pop(0) if len(answers) > 1 else answers[0]))

    do_GET = do_POST

    def respond(
        self, body="", status=200, kind="application/json", length=None, headers=(), late=None
    ):
        raw = body.encode() if isinstance(body, str) else body
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(raw) if length is None else length))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(raw)
        if late:
            self.wfile.flush()
            late.wait(5)

    def log_message(self, *args):
        """Nothing."""


@pytest.fixture
def server():
    with Server() as made:
        threading.Thread(target=made.serve_forever, args=(0.01,), daemon=True).start()
        yield made
        made.shutdown()


def endpoint(server, **options):
    return Endpoint(server.url, wait=lambda seconds: None, key="", **options)


@pytest.mark.parametrize(("answer", "tokens"), [
    ({"body": json.dumps(MESSAGE | {"usage": {"total_tokens": 17}})}, 17),
    ({"body": STREAM, "kind": "text/event-stream; charset=utf-8"}, 17),
])  # fmt: skip
def test_a_reply_is_the_words_of_the_first_line(server, answer, tokens):
    server.answers = [answer]
    teacher = endpoint(server, persona="You are a gardener.", model="small")

    assert teacher.reply(("i", "am", "tom")) == ("hello", "tom")
    assert teacher.tokens == 100_000 - tokens
    ((path, headers, body),) = server.asked
    assert path == "/v1/chat/completions"
    assert "Authorization" not in headers
    assert (body["model"], body["stream"]) == ("small", False)
    assert body["messages"][0]["content"].endswith("\n\nYou are a gardener.")
    assert body["messages"][-1] == {"role": "user", "content": "i am tom"}


def test_the_key_is_that_of_the_environment(server, monkeypatch):
    monkeypatch.setenv("THALIA_TEACHER_KEY", "a key")
    server.answers = [{"body": json.dumps(MESSAGE)}]
    teacher = Endpoint(server.url)
    teacher.reply(("hi",))

    assert server.asked[0][1]["Authorization"] == "Bearer a key"
    assert "a key" not in repr(teacher)


def test_it_is_told_the_last_turns(server):
    server.answers = [{"body": json.dumps(MESSAGE)}]
    teacher = endpoint(server)
    for number in range(REMEMBERED + 3):
        teacher.reply((f"turn{number}",))
    messages = server.asked[-1][2]["messages"]

    assert len(messages) == 2 * REMEMBERED + 2
    assert messages[1:3] == [
        {"role": "user", "content": "turn2"},
        {"role": "assistant", "content": "hello tom"},
    ]


@pytest.mark.parametrize(("answer", "told"), [
    ({"body": "no such model", "status": 404}, "HTTP 404: no such model"),
    ({"status": 401}, "HTTP 401: "),
    ({"status": 302, "headers": [("Location", "/elsewhere")]}, "HTTP 302: "),
    ({"body": "<html>hello</html>"}, "expected JSON, found '<html>hello</html>'"),
    ({"body": "[" * 100_000}, "expected JSON, found '[[["),
    ({"body": "[1]"}, "expected JSON"),
    ({"body": "{}"}, "expected choices with a message, found {}"),
    ({"body": '{"choices": [{"message": 3}]}'}, "expected choices with a message"),
    ({"body": '{"choices": [{"message": {"content": [1]}}]}'}, "expected a text, found [1]"),
    ({"body": '{"choices": [{"message": {"content": null}}]}'}, "expected a reply of words, found ''"),
    ({"body": '{"choices": [{"message": {"content": "!?"}}]}'}, "expected a reply of words, found '!?'"),
    ({"body": "data: [DONE]\n", "kind": "text/event-stream"}, "the answer is an empty stream"),
    ({"body": "data: {\n", "kind": "text/event-stream"}, "expected JSON, found '{'"),
    ({"body": b"\xff\xfe"}, "expected JSON"),
    ({"body": "x" * 1_100_000}, "the answer is larger than 1,000,000 bytes"),
])  # fmt: skip
def test_what_is_wrong_with_an_answer_is_told_after_one_try(server, answer, told):
    server.answers = [answer]
    with pytest.raises(UnansweredError) as refused:
        endpoint(server).reply(("hi",))

    assert told in str(refused.value)
    assert len(server.asked) == 1


@pytest.mark.parametrize(("answer", "told"), [
    ({"body": "busy", "status": 503}, "HTTP 503: busy"),
    ({"status": 429}, "HTTP 429: "),
    ({"body": "{", "length": 100}, "the connection was closed before the answer was whole"),
])  # fmt: skip
def test_it_is_tried_again_where_that_may_help(server, answer, told):
    server.answers = [answer]
    with pytest.raises(UnansweredError) as refused:
        endpoint(server).reply(("hi",))

    assert told in str(refused.value)
    assert len(server.asked) == TRIES


def test_a_later_try_may_succeed(server):
    waits = []
    server.answers = [{"status": 500}, {"status": 502}, {"body": json.dumps(MESSAGE)}]

    assert Endpoint(server.url, wait=waits.append).reply(("hi",)) == ("hello", "tom")
    assert waits == [0.5, 1.0]


def test_an_endpoint_that_is_slow_is_given_up(server):
    let_go = threading.Event()
    server.answers = [{"body": "{", "length": 100, "late": let_go}]
    before = time.monotonic()
    with pytest.raises(UnansweredError, match="no answer in time"):
        endpoint(server, timeout=0.1).reply(("hi",))
    let_go.set()

    assert time.monotonic() - before < 3


def test_an_endpoint_that_is_not_there_is_told():
    with Server() as gone:
        url = gone.url
    with pytest.raises(UnansweredError, match="ConnectionRefusedError"):
        Endpoint(url, wait=lambda seconds: None).reply(("hi",))


def test_tokens_are_limited(server):
    server.answers = [{"body": json.dumps(MESSAGE | {"usage": {"total_tokens": 17}})}]
    teacher = endpoint(server, tokens=30)
    teacher.reply(("hi",))
    teacher.reply(("hi",))
    with pytest.raises(UnansweredError, match="--most-tokens are used up"):
        teacher.reply(("hi",))

    assert len(server.asked) == 2


@pytest.mark.parametrize(
    "url",
    [
        "gemma",
        "ftp://host/v1",
        "http://",
        "http://me:secret@host/v1",
        "http://[",
        "http://host:99999/v1",
    ],
)
def test_what_is_no_address_of_an_endpoint_is_refused(url):
    with pytest.raises(CircuitError, match="--teacher: expected scripted, none or the address"):
        Endpoint(url)


def test_an_address_that_cannot_be_sent_is_told(server):
    with pytest.raises(UnansweredError, match="UnicodeEncodeError"):
        Endpoint(f"{server.url}/ä", wait=lambda seconds: None).reply(("hi",))


def test_a_key_that_cannot_be_sent_is_refused_without_being_shown(monkeypatch):
    monkeypatch.setenv("THALIA_TEACHER_KEY", "secret\n")
    with pytest.raises(CircuitError, match="THALIA_TEACHER_KEY: expected a key") as refused:
        Endpoint("http://localhost:1/v1")
    assert "secret" not in str(refused.value)


def test_the_script_knows_its_templates():
    assert Script().reply(("say", "cat")) == ("cat", "says", "meow")
    with pytest.raises(UnansweredError, match="the script has no reply"):
        Script().reply(("say", "tom"))


def test_a_conversation_is_taught_by_an_endpoint_as_far_as_it_answers(
    server, tmp_path, monkeypatch
):
    """Whole, in pieces, not at all, and half an answer; the last two are asked for three times."""
    busy, closed = {"body": "busy", "status": 503}, {"body": "{", "length": 100}
    stream = {"body": STREAM, "kind": "text/event-stream"}
    server.answers = [{"body": json.dumps(MESSAGE)}, stream, *[busy] * TRIES, *[closed] * TRIES]
    monkeypatch.setattr(teachers, "FIRST_WAIT", 0)
    monkeypatch.delenv("THALIA_TEACHER_KEY", raising=False)
    monkeypatch.setattr(sys, "stdin", io.StringIO("Hi!\n\nbaby\nhi\nhi\n"))
    options = ["--teacher", server.url, "--words", 10, "--backend", "runtime"]
    done = thalia_here("converse", "c.h5", *options, folder=tmp_path)
    turns = kept_in(tmp_path / "c.h5").turns
    untaught = "nothing is learned from this turn"

    assert (done.returncode, done.stderr) == (0, "")
    assert [turn.heard for turn in turns] == ["hi", "baby", "hi", "hi"]
    assert [(turn.taught, turn.by) for turn in turns] == [
        *[("hello tom", server.url)] * 2,
        *[(None, None)] * 2,
    ]
    assert f"  {server.url}: HTTP 503: busy; {untaught}" in done.stdout
    assert f"  {server.url}: the connection was closed before the answer was whole; {untaught}" in done.stdout  # fmt: skip
    assert [each[2]["messages"][-1]["content"] for each in server.asked] == ["hi", "baby", *["hi"] * 2 * TRIES]  # fmt: skip
