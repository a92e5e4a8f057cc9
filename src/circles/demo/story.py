"""Who lives in Maple Row, what they ask for, how they tick, and what they say afterwards.

All of it is made up. Words of one circle are content, not furniture: they are not translated.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from circles.circle.calendar import DEFAULT
from circles.circle.circles import NewCircle
from circles.protocol.messages import Ask

KEEP: Final = "keep"

STEWARD: Final = "Marisol"
TREASURER: Final = "Otto"
VISITOR: Final = "Wren"
OTHERS: Final = (
    "Bea",
    "Tomasz",
    "Ines",
    "Jonas",
    "Leila",
    "Piet",
    "Hanne",
    "Samir",
    "Greta",
)
HANDLES: Final = (STEWARD, TREASURER, VISITOR, *OTHERS)
PASSPHRASES: Final = {
    VISITOR: "nine plums in a blue bowl",
    TREASURER: "the kettle sings at seven",
    STEWARD: "a red door under the maple",
}
# Minor units a month; the rest pledge ten.
PLEDGES: Final = {"Bea": 500, "Jonas": 500, "Leila": 500, "Piet": 500, "Greta": 500}
PLEDGE_MINOR: Final = 1000
# A number that is written right and belongs to nobody.
PAYEE_IBAN: Final = "DE02120300000000202051"
# What the street party left over, given in the present month.
GIFT_MINOR: Final = 4000

CIRCLE: Final = NewCircle(
    name="Maple Row",
    purpose="Each of us puts in 5 or 10 euros a month. In secret we say whom it should help, and "
    "in secret we vote. This page shows where it went.",
    norms="We do not ask who nominated, who voted or who paid.\n"
    "Whoever is named here was asked first.\n"
    "What is said among us stays among us.",
    currency="EUR",
    zone="Europe/Berlin",
    locale="en_GB",
    hue="mulberry",
    cap=20,
    calendar=DEFAULT,
    least_minor=500,
    pay_holder="Maple Row Circle",
    pay_iban="DE89370400440532013000",
    pay_words="Or put it into the tin on Otto's kitchen table.",
    pledge_ceiling_minor=5000,
)


@dataclass(frozen=True)
class Request:
    """One nomination: by whom, for whom, why, how much, how many ticks it gets of all 36."""

    by: str
    name: str
    words: str
    ask: Ask
    ticks: int
    story: str = ""
    thanks: str = ""

    @property
    def document(self) -> str:
        """The nomination's own words: the recipient first."""
        return f"{self.name}\n{self.words}"


@dataclass(frozen=True)
class Month:
    """The requests of a month, and how many ticks keep the money."""

    requests: tuple[Request, ...]
    keep: int


PAST: Final = (
    Month(
        (
            Request(
                "Ines",
                "Swimming lessons for six",
                "Six children from Elm School, eight mornings at the baths.",
                Ask(6000),
                14,
                "Six children from Elm School, eight mornings.",
                "All six can do a whole length now. One of them says two.",
            ),
            Request(
                "Piet",
                "New chains for the swing",
                "The old ones pinch. The swing stands behind number 20.",
                Ask(2500),
                9,
                "The swing behind number 20 does not pinch any more.",
            ),
            Request(
                "Samir",
                "A lamp for the stairwell of number 9",
                "It has been dark since spring and the landlord is slow.",
                Ask(4000),
                6,
            ),
        ),
        keep=5,
    ),
    Month(
        (
            Request(
                "Hanne",
                "A washing machine, mended",
                "A neighbour washes by hand for five. The part costs this much, with the fitter.",
                Ask(9000),
                17,
                "For a neighbour who asked not to be named.",
            ),
            Request(
                "Leila",
                "Seats for the bus shelter",
                "Two folding seats, so that one can wait sitting.",
                Ask(7000),
                8,
            ),
            Request(
                "Jonas",
                "Chess sets for the library",
                "Three sets with clocks, for Thursday afternoons.",
                Ask(4500),
                5,
            ),
        ),
        keep=4,
    ),
    Month(
        (
            Request(
                "Bea",
                "The reading bench on Hill Lane",
                "Two planks, paint and screws. It could stand where the bus used to stop.",
                Ask(7500),
                15,
                "Two planks, paint and screws. It stands where the bus used to stop.",
                "Yesterday somebody had left a book on it with a note: finished, your turn.",
            ),
            Request(
                "Greta",
                "Train tickets to the hearing",
                "Somebody has to be heard in another town, twice, and cannot pay the way.",
                Ask(None, 6000, part=True),
                9,
                "For two ways there and back.",
            ),
            Request(
                "Tomasz",
                "Paint for the bus shelter",
                "Blue, if nobody minds.",
                Ask(6000),
                5,
            ),
        ),
        keep=6,
    ),
)

PRESENT: Final = Month(
    (
        Request(
            "Samir",
            "Bus rides to the clinic",
            "A neighbour in treatment. Twice a week until the winter, there and back. The clinic "
            "is too far to walk, and the lift from a cousin has ended.",
            Ask(3000),
            3,
        ),
        Request(
            "Ines",
            "Saturday soup at St Anne's hall",
            "Vegetables for four Saturdays. Between thirty and forty people come, and whoever "
            "comes may also stir.",
            Ask(4500),
            8,
        ),
        Request(
            "Leila",
            "Strings for the youth orchestra",
            "Two cellos at Elm School have been silent since summer because their strings broke.",
            Ask(4000),
            1,
        ),
        Request(
            "Hanne",
            "Warm boots for two",
            "A family on the Row whose two children grew three sizes in a year. Their mother has "
            "said yes to being named this way.",
            Ask(6000),
            9,
        ),
        Request(
            "Tomasz",
            "A ramp for Mr Aydin's door",
            "Wood and hinges for two steps at number 14. Tomasz would build it, and Mr Aydin "
            "would make the tea.",
            Ask(8000),
            6,
        ),
        Request(
            "Greta",
            "A seed library at Elm School",
            "A drawer of seeds that anyone may borrow from in spring and fill again in autumn.",
            Ask(2500),
            4,
        ),
    ),
    keep=2,
)

# Rounds that begin when the visitor moves the clock on: three plain requests, again and again.
LATER: Final = Month(
    (
        Request("Bea", "Firewood for number 3", "A cold flat and an old stove.", Ask(5000), 14),
        Request("Jonas", "A bicycle pump for the yard", "On a chain, for all.", Ask(3500), 9),
        Request(
            "Piet",
            "Bulbs for the churchyard wall",
            "Snowdrops first.",
            Ask(None, 3000, part=True),
            7,
        ),
    ),
    keep=3,
)


def hands(month: Month, voters: int, slots: int) -> list[list[str]]:
    """The month's ticks dealt like cards: for each voter what is on each of their credentials.

    Names of requests, KEEP, or "" for a blank one where there are fewer ticks than credentials.
    """
    pack = [r.name for r in month.requests for _ in range(r.ticks)] + [KEEP] * month.keep
    pack = (pack + [""] * (voters * slots))[: voters * slots]
    return [pack[start::voters] for start in range(voters)]
