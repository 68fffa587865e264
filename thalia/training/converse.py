"""A conversation in lines: what is typed is answered, and learned from at once."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from thalia.connectivity.streams import stream
from thalia.errors import CircuitError, in_a_line
from thalia.training.dialogue import SILENCE, every_turn, words_of
from thalia.training.partner import Entry, Partner, transcript
from thalia.training.teachers import Script, Teacher, UnansweredError

MOST_CHARACTERS = 2000  # of a line
RECENT = 20  # turns of which it is said how many were right
SHOWN = 20  # turns of the transcript
PERSON = "person"
HELP = """what you type is heard and answered; words are all that counts of it
= REPLY        teaches what should have been replied to the last sentence
/practice N    has the script ask and teach N turns
/sleep         lets it sleep at once
/words         lists the words that it knows
/transcript    shows the last turns
/quit          ends, as the end of the input does"""

type Tell = Callable[[str], None]


@dataclass
class Converse:
    """A conversation between a network, a person, and a teacher if there is one.

    Parameters
    ----------
    turns : int, optional
        After how many it ends.
    tell : function
        Takes each line that is to be shown.
    """

    partner: Partner
    teacher: Teacher | None
    turns: int | None
    tell: Tell
    done: int = 0

    def run(self, lines: Iterable[str]) -> None:
        """Go through all lines, or as many turns as are asked for."""
        self._begin()
        for line in lines:
            try:
                if self._ends(line):
                    break
            except CircuitError as error:
                self.tell(f"  {in_a_line(error)}")
                for hint in {problem.hint for problem in error.problems if problem.hint}:
                    self.tell(f"  {hint}")
            if self._is_over:
                self.tell(f"  {self.done} turns, as many as --turns asks for")
                break
        self.tell(f"  kept in {self.partner.file}" if self.done else "  nothing was said")

    @property
    def _is_over(self) -> bool:
        return self.turns is not None and self.done >= self.turns

    def _begin(self) -> None:
        kept = self.partner.kept
        if self.partner.is_new:
            self.tell(f"  a new network, with neurons for {kept.size - 1} words; /help says more")
            return
        last = kept.turns[-1].at
        count = len(kept.turns)
        self.tell(
            f"  it remembers {count} turns, the last at {last}, and {self.partner.knows} words"
        )

    def _ends(self, line: str) -> bool:
        """Whether a line ends the conversation; everything else that it asks for is done."""
        if len(line) > MOST_CHARACTERS:
            self.tell(f"  expected at most {MOST_CHARACTERS:,} characters, found {len(line):,}")
            return False
        line = line.strip()
        if line.startswith("/"):
            return self._command(*line.removeprefix("/").split(maxsplit=1))
        if line.startswith("="):
            self._correct(line)
            return False
        if not line:
            return False
        if words := words_of(line):
            self._turn(words, self.teacher)
        else:
            self.tell("  no words are in this line, so nothing was heard")
        return False

    def _command(self, name: str = "", value: str = "") -> bool:
        if name == "quit":
            return True
        if name == "practice":
            self._practise(value)
        elif name == "sleep":
            self.partner.sleep()
            self.tell("  it has slept")
        elif name == "words":
            self.tell("  " + " ".join(self.partner.kept.vocabulary[1:]))
        elif name == "transcript":
            for each in transcript(self.partner.kept.turns[-SHOWN:]):
                self.tell(f"  {each}")
        else:
            if name != "help":
                self.tell(f"  there is no '/{name}'")
            for each in HELP.splitlines():
                self.tell(f"  {each}")
        return False

    def _turn(self, prompt: tuple[str, ...], teacher: Teacher | None) -> None:
        """A sentence, its reply, and what the teacher says to that."""
        entry = self.partner.hear(prompt)
        self.done += 1
        self.tell(f"< {entry.said or SILENCE}")
        if not teacher:
            self._levels(entry)
            return
        try:
            wanted = teacher.reply(prompt)
        except UnansweredError as error:
            self.tell(f"  {teacher.name}: {error}; nothing is learned from this turn")
            self._levels(entry)
            return
        self._taught(wanted, teacher.name)

    def _taught(self, wanted: tuple[str, ...], by: str) -> None:
        entry = self.partner.learn(wanted, by)
        if by != PERSON:
            same = "right" if entry.said == entry.taught else f"= {entry.taught}"
            self.tell(f"  {by}: {same}")
        self._levels(entry)
        if entry.slept:
            self.tell("  it was tired, and has slept")

    def _correct(self, line: str) -> None:
        if wanted := words_of(line):
            self._taught(wanted, PERSON)
        else:
            self.tell("  no words are after '=', so nothing is taught")

    def _practise(self, value: str) -> None:
        if not value.isdecimal() or not 1 <= int(value[:6]) <= 100_000 or len(value) > 6:
            self.tell(f"  /practice: expected a number of turns, found '{value}'")
            return
        script, turns = Script(), every_turn()
        for _ in range(int(value)):
            if self._is_over:
                return
            seed = self.partner.subject.plan.seed
            random = stream(seed, f"practice {len(self.partner.kept.turns)}")
            prompt = turns[int(random.integers(len(turns)))].prompt
            self.tell(f"> {' '.join(prompt)}")
            self._turn(prompt, script)

    def _levels(self, entry: Entry) -> None:
        """What a turn did to the network, and what it has learned."""
        right, taught = self.partner.right(RECENT)
        learned = f"; right {right} of the last {taught}" if taught else ""
        levels = ", ".join(f"{name} {level:.2f}" for name, level in entry.levels.items())
        self.tell(f"  {levels}; {self.partner.knows} words{learned}")
