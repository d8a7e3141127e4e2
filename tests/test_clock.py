"""A source's clock that goes back is said in the verdict of the run that finds it."""

import datetime
import re

from tests.wrong_clocks import WrongClocks


def test_a_clock_that_went_back_is_said_in_the_verdicts_of_that_run_alone(own):
    own.write("create table t (id int primary key)", "insert into t values (1)")
    known, clocks = own.discover(), WrongClocks(own)
    for hours in (0, 2, -3, -3):
        clocks.source = datetime.timedelta(hours=hours)
        clocks.run(known)
    with own.opened("raw_own") as warehouse:
        verdicts = [verdict for (verdict,) in warehouse.ask("select verdict from raw_own._loads order by run")]
    said = ["the source's clock went back by " in verdict for verdict in verdicts]
    assert said == [False, False, True, False], verdicts
    assert re.search(r"; the source's clock went back by (4:59:5\d|5:00:0\d) since run 2$", verdicts[2]), verdicts
