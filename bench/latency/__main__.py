"""`python -m bench.latency`: run scenarios, print the table, write JSON and pictures."""

import argparse
import functools
import pathlib
import signal
import sys

from bench.latency import report
from bench.latency.run import HERE, Plan, Result, compile_tools, run_once
from bench.latency.scenarios import SCENARIOS
from bench.latency.variants import STARTERS, ours

EXIT_LATE = 3
EXIT_INTERRUPTED = 130
BARS = ["healthy", "dead1", "loss3", "v6dead", "signed"]  # what decides; the others take two hours
QUICK_WARM = 500


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench.latency", description=__doc__)
    parser.add_argument("--scenario", nargs="+", choices=[*SCENARIOS, "all"], default=BARS)
    parser.add_argument("--resolvers", nargs="+", choices=STARTERS, default=list(STARTERS))
    parser.add_argument(
        "--against", type=pathlib.Path, help="another checkout of ourselves, beside the others"
    )
    parser.add_argument("--world", default="w1", help="w1, w1-signed, city, city-signed, deep3")
    parser.add_argument("--seeds", type=int, default=5, help="how many")
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="a quarter of the warm questions")
    parser.add_argument("--cold", type=int, default=500)
    parser.add_argument("--warm", type=int)
    parser.add_argument("--rate", type=float, default=30.0, help="questions per second")
    parser.add_argument(
        "--trace", action="store_true", help="keep every packet's fate (disturbs timing)"
    )
    parser.add_argument(
        "--keep", type=pathlib.Path, help="copy configurations, logs and traces here"
    )
    parser.add_argument("--out", type=pathlib.Path, default=HERE.parent / "out" / "latency")
    return parser.parse_args()


def _stop(*_: object) -> None:
    raise KeyboardInterrupt


def main() -> int:
    """0, or 3 if a run was refused because the emulator was late, or 1 if the lab could not run."""
    arguments = _arguments()
    for number in (signal.SIGTERM, signal.SIGINT):  # the latter is ignored if we run in background
        signal.signal(number, _stop)
    warm = arguments.warm if arguments.warm is not None else QUICK_WARM if arguments.quick else 2000
    resolvers = list(arguments.resolvers)
    if arguments.against is not None:
        STARTERS["against"] = functools.partial(ours, checkout=arguments.against.resolve())
        resolvers.append("against")
    plan = Plan(
        tuple(resolvers),
        arguments.cold,
        warm,
        arguments.rate,
        arguments.trace,
        arguments.keep,
    )
    arguments.out.mkdir(parents=True, exist_ok=True)
    results: list[Result] = []
    try:
        compile_tools()
        for name in SCENARIOS if "all" in arguments.scenario else arguments.scenario:
            for seed in range(arguments.first_seed, arguments.first_seed + arguments.seeds):
                results.append(run_once(SCENARIOS[name], arguments.world, seed, plan))
                _note(results[-1])
                report.write_json(results, arguments.out / "results.json")
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return EXIT_INTERRUPTED
    except RuntimeError as problem:
        print(problem, file=sys.stderr)
        return 1
    for title, group in report.by_scenario(results).items():
        print(report.table(title, group))
        report.draw(
            title,
            group,
            arguments.out / f"{title.replace(' ', '-').strip(')').replace('(', '')}.png",
        )
    return 0 if all(result.is_valid for result in results) else EXIT_LATE


def _note(result: Result) -> None:
    late = max(late.p99_us for late in result.lateness.values())
    verdict = "ok" if result.is_valid else "REFUSED: the emulator was late"
    print(
        f"{result.scenario} seed {result.seed}: {verdict} (p99 {late / 1000:.2f} ms)",
        file=sys.stderr,
    )


if __name__ == "__main__":
    sys.exit(main())
