"""Where the lifelines of a sequence diagram stand: the server in the middle, the clients on either side.

Beside the server is a lane on each side, wide enough for what a frame says; what any client sends or receives
is told there. All lengths are SVG's, which are CSS pixels where the picture has room.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from chateau.client.text_safety import cells

TIMES_WIDTH = 78.0  # the margin at the left, for the times
EDGE = 6.0
CELL = 7.2  # a character of 12 pixels where all are as wide: 0.6 of its height
SMALL_CELL = 6.6  # and of 11 pixels, which the times have
HEAD_PADDING = 14.0
NARROWEST_HEAD = 64.0
WIDEST_UPRIGHT, HIGHEST_UPRIGHT = 860.0, 900.0
LANDSCAPE = 0.64  # the height of a page of A4 within its margins, in its widths


@dataclass(frozen=True, slots=True)
class Measures:
    """How much room each lifeline has; less where there are many."""

    most_clients: int
    widest_head: float
    gap: float
    lane_width: float


MEASURES = (
    Measures(most_clients=1, widest_head=170, gap=0, lane_width=470),
    Measures(most_clients=2, widest_head=96, gap=0, lane_width=340),
    Measures(most_clients=4, widest_head=130, gap=12, lane_width=290),
    Measures(most_clients=8, widest_head=92, gap=10, lane_width=270),
)
CROWDED = Measures(most_clients=0, widest_head=76, gap=8, lane_width=262)


@dataclass(frozen=True, slots=True)
class Columns:
    """``clients`` has the place of each client's lifeline, ``server`` that of the server's."""

    clients: dict[str, float]
    server: float
    head_width: float
    server_head_width: float
    lane_width: float
    width: float

    @classmethod
    def of(cls, clients: Sequence[tuple[str, str]], address: str) -> Self:
        """Places for *clients*, names with protocols, and for a server at *address*."""
        room = next((some for some in MEASURES if len(clients) <= some.most_clients), CROWDED)
        longest = max((cells(text) for client in clients for text in client), default=0)
        head = min(max(longest * CELL + HEAD_PADDING, NARROWEST_HEAD), room.widest_head)
        server_head = min(max(cells(address) * CELL + HEAD_PADDING, 90), room.lane_width * 0.6)
        left = (len(clients) + 1) // 2
        first = TIMES_WIDTH + head / 2
        server = first + max(left - 1, 0) * (head + room.gap) + room.lane_width
        second = server + room.lane_width - left * (head + room.gap)
        places = {
            name: (first if index < left else second) + index * (head + room.gap)
            for index, (name, _) in enumerate(clients)
        }
        end = max([server + server_head / 2, *(place + head / 2 for place in places.values())])
        return cls(places, server, head, server_head, room.lane_width, end + EDGE)

    def side(self, client: str) -> int:
        """Where the server is, seen from *client*: 1 to its right, -1 to its left."""
        return 1 if self.clients[client] < self.server else -1

    def lane(self, client: str) -> float:
        """The middle of the lane in which the frames of *client* are told."""
        return self.server - self.side(client) * self.lane_width / 2

    @property
    def is_wide(self) -> bool:
        """Whether a page has to be turned for it."""
        return self.width > WIDEST_UPRIGHT

    @property
    def highest(self) -> float:
        """How high a picture may be to fit on a printed page, at the width that it has there."""
        return self.width * LANDSCAPE if self.is_wide else HIGHEST_UPRIGHT

    @property
    def lane_cells(self) -> int:
        """How many characters a line of a frame may have."""
        return int((self.lane_width - 28) / CELL)
