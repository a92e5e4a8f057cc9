"""One request at the desk: who asks, in which circle, and the answers that every page gives."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from litestar import Request, Response
from litestar.di import NamedDependency

from circles.circle.circles import Circle
from circles.circle.provide import TheCircle, TheHost
from circles.desk import fields
from circles.errors import CirclesError
from circles.host import Host
from circles.members.people import Member
from circles.members.signin import TheMember
from circles.web import forms
from circles.web.forms import Form
from circles.web.render import page, see_other


@dataclass(frozen=True)
class Visit:
    """`now` is the circle's own time; `host.clock.now()` the real one."""

    request: Request[Any, Any, Any]
    circle: Circle
    member: Member
    host: Host

    @property
    def now(self) -> datetime:
        """The circle's own time."""
        return self.host.clock.round_now()

    @property
    def is_officer(self) -> bool:
        """Whether payees' details may be seen."""
        return self.member.is_treasurer or self.member.is_steward

    async def form(self) -> Form:
        """What was posted."""
        return await forms.read(self.request)

    def blank(self, **values: str) -> Form:
        """A form to begin with."""
        return fields.blank(self.circle, self.now, **values)

    def page(self, template: str, context: dict[str, Any], status: int = 200) -> Response[bytes]:
        """A page of this circle for this member."""
        return page(
            self.request, template, context, circle=self.circle, member=self.member, status=status
        )

    def refused(
        self, template: str, context: dict[str, Any], error: CirclesError
    ) -> Response[bytes]:
        """The same page again, with what stood in the way."""
        return fields.refused(
            self.request, template, context, error, circle=self.circle, member=self.member
        )

    def go(self, path: str) -> Response[bytes]:
        """On to a page of this circle's members."""
        return see_other(f"{self.circle.path}/in{path}")


async def provide_visit(
    request: Request[Any, Any, Any], circle: TheCircle, member: TheMember, host: TheHost
) -> Visit:
    """The dependency `visit`."""
    return Visit(request, circle, member, host)


# What a handler writes: `visit: TheVisit`.
TheVisit: TypeAlias = NamedDependency[Visit]
