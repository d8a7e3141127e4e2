"""The machine of the order mart, and all that could harm a history: after each build states are what the source was.

What is known of the source is noted at each run. A history must give it back for every run that it was built with,
whatever was built since: over an older raw, with --empty, in part, or after a row was erased.
"""

from collections import defaultdict

from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from tests.mart_machine import HISTORIES, UNTESTED, MartMachine, changes

STATES = {
    "customer": ("customer_id", "country, loyalty_level"),
    "product": ("product_id", "product_name, category, seller_company, price"),
}


class HistoryMachine(MartMachine):
    """On a stack that also has replay(to_run), load(), refused(*arguments), erase(table, key) and newest_run()."""

    def __init__(self, own, stack, taken):
        super().__init__(own, stack, taken)
        self.truth: dict[int, dict[str, dict]] = {}
        self.seen: dict[str, set[int]] = defaultdict(set)
        self.emptied = self.erased = False

    @initialize()
    def begin(self):
        self._fill()
        self.stack.extract(full=True)
        self._note_truth()
        self.stack.forget()
        self._dbt("+order_mart", incremental=False)
        self._compare()

    # ---- steps

    @rule(happened=changes, back=st.integers(1, 3), incremental=st.booleans(), forward=st.booleans())
    def build_over_an_older_raw(self, happened, back, incremental, forward):
        """Histories are left alone, and it is said; then forward again, by what the lake has or by the next run."""
        self._read_after(happened, full=False)
        self._dbt(*HISTORIES, "order_mart", incremental=incremental)
        before, newest = self._histories(), self.stack.newest_run()
        older = max(min(self.truth), newest - back)
        self.stack.replay(older)
        said = self._dbt(*HISTORIES, "order_mart", incremental=incremental)
        self._compare_with_whole()
        assert self._histories() == before
        for history in HISTORIES:
            told = f"raw holds run {older}, and analytics.{history} has seen run {newest}: the history stays as it is"
            assert (told in " ".join(said.split())) is (older < newest), said
        if forward:
            self.stack.load()
            self._dbt(*HISTORIES, "order_mart", incremental=True)
            self._compare()
            assert self._histories() == before
        self.taken["back"] += 1

    @rule(happened=changes, history=st.sampled_from(HISTORIES), all_views=st.booleans())
    def build_a_part(self, happened, history, all_views):
        """One history, alone or with the views above and below it; the other and the mart know nothing of the run."""
        self._read_after(happened, full=False)
        self.stack.dbt("build", *UNTESTED, "--select", f"+{history}+1" if all_views else history)
        self._check_histories(history)
        self.taken["parts"] += 1

    @precondition(lambda self: not self.emptied)
    @rule(command=st.sampled_from([("build",), ("run",), ("build", "--select", "int_customer_states")]))
    def build_empty(self, command):
        self.emptied = True
        before = self._histories(), self.stack.ask("select * from analytics.order_mart order by 1")
        said = self.stack.refused(*command, "--empty")
        assert "--empty would replace what is in the schema analytics by nothing" in " ".join(said.split()), said
        assert before == (self._histories(), self.stack.ask("select * from analytics.order_mart order by 1"))
        self.taken["empty"] += 1

    @precondition(lambda self: not self.erased)
    @rule(number=st.integers(1, 4), back=changes)
    def erase_and_restore(self, number, back):
        """A customer is erased from everything, and comes back from a backup, under the same number."""
        self.erased = True
        self._write("delete from customer where customer_id = %s", number)
        self._read_after([], full=False)
        self.stack.erase("customer", number)
        for states in self.truth.values():
            states["customer"].pop(number, None)
        self._dbt(*HISTORIES, "order_mart", incremental=True)
        self._compare()
        self._insert("customer", number)
        self._read_after(back, full=False)
        self._dbt(*HISTORIES, "order_mart", incremental=True)
        self._compare()
        self.taken["erased"] += 1

    # ---- what steps are made of

    def _read_after(self, happened, full: bool) -> None:
        super()._read_after(happened, full)
        self._note_truth()

    def _note_truth(self) -> None:
        self.truth[self.stack.newest_run()] = {table: self._asked(table, columns) for table, columns in STATES.items()}

    def _asked(self, table: str, columns: tuple[str, str]) -> dict:
        with self.shop.cursor() as cursor:
            cursor.execute(f"select {', '.join(columns)} from {table}")
            found = {key: state for key, *state in cursor.fetchall()}
        self.shop.commit()
        return found

    def _dbt(self, *selected: str, incremental: bool) -> str:
        said = super()._dbt(*selected, incremental=incremental)
        if selected != ("order_mart",):
            self._check_histories(*HISTORIES)
        return said

    def _check_histories(self, *built: str) -> None:
        run = self.stack.newest_run()
        for history in built:
            if run >= max(self.seen[history], default=0):
                self.seen[history].add(run)
        for history in HISTORIES:
            table = history.removesuffix("_history")
            key, columns = STATES[table]
            for then in self.seen[history]:
                rows = self.stack.ask(
                    f"select {key}, {columns} from analytics.{history} "
                    f"where from_run <= {then} and (until_run > {then} or until_run is null)"
                )
                states = {number: state for number, *state in rows}
                assert len(states) == len(rows) and states == self.truth[then][table], (history, then)
                self.taken["states"] += len(states)

    def _histories(self) -> list[list[tuple]]:
        return [self.stack.ask(f"select * from analytics.{history} order by dbt_scd_id") for history in HISTORIES]
