"""The simple predictors that the model has to beat."""

from collections import Counter, defaultdict

from streams.backtest.programs_rows import Launch


def baselines(launches: list[Launch], *, switches: bool) -> dict[str, dict[str, float]]:
    """Return top-1 and top-3 of each simple predictor, learning at once.

    most_frequent ranks by the user's counts; last_successor by what last followed the current
    program, then by counts; witten_bell mixes the user's orders 2, 1 and 0.
    """
    scores = {"most_frequent": [0, 0], "last_successor": [0, 0], "witten_bell": [0, 0]}
    users: dict[str, _Counts] = defaultdict(_Counts)
    scored = 0
    for launch in launches:
        counts = users[launch.user]
        if counts.history:
            scored += 1
            for name, ranked in counts.rankings(switches=switches).items():
                scores[name][0] += launch.program in ranked[:1]
                scores[name][1] += launch.program in ranked[:3]
        counts.add(launch.program)
    return {
        name: {"top1": one / max(1, scored), "top3": three / max(1, scored)}
        for name, (one, three) in scores.items()
    }


class _Counts:
    def __init__(self) -> None:
        self.history: list[str] = []
        self.after: dict[tuple[str, ...], Counter[str]] = defaultdict(Counter)
        self.last: dict[str, str] = {}

    def rankings(self, *, switches: bool) -> dict[str, list[str]]:
        here = self.history[-1]
        barred = here if switches else None
        frequent = [p for p, _ in self.after[()].most_common(4) if p != barred][:3]
        last = self.last.get(here)
        successor = [last, *(p for p in frequent if p != last)] if last else frequent
        mixed = self._witten_bell()
        mixed.pop(barred or "", None)
        best = sorted(mixed, key=lambda p: (-mixed[p], p))[:3]
        return {"most_frequent": frequent, "last_successor": successor, "witten_bell": best}

    def _witten_bell(self) -> dict[str, float]:
        total = len(self.history)
        p = {program: n / total for program, n in self.after[()].items()}
        for order in (1, 2):
            followers = self.after.get(tuple(self.history[-order:]))
            if followers:
                seen, kinds = followers.total(), len(followers)
                p = {k: (followers[k] + kinds * q) / (seen + kinds) for k, q in p.items()}
        return p

    def add(self, program: str) -> None:
        for order in range(3):
            if len(self.history) >= order:
                self.after[tuple(self.history[len(self.history) - order :])][program] += 1
        if self.history:
            self.last[self.history[-1]] = program
        self.history.append(program)
