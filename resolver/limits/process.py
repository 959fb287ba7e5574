"""Limits: workers, memory, garbage, the end."""

from __future__ import annotations

from typing import Final

from resolver.limits.table import Table

limit = Table("workers, memory, garbage, the end")

WORKERS_RANGE: Final = (1, 64)
START_OBJECTS = limit(
    100_000,
    "objects that a start makes before the collector of cyclic garbage looks at them",
    why="it makes half as many, and they stay; Python's 700 cost a quarter of the start",
)
WORKERS = limit(
    1,
    "processes on one port",
    why="one is enough for 100,000 hits a second; each more has memory of its own",
    between=WORKERS_RANGE,
)
WORKER_BEAT_SECONDS = limit(
    0.5, "seconds between two signs of life of a worker", why="one octet in a pipe"
)
WORK_SECONDS = limit(
    0.000_5,
    "seconds of work that nobody waits for, until it rests",
    why="our choice: half of what hits may wait (bench.drill --cost)",
)
REST_SECONDS = limit(
    0.001,
    "seconds that it rests then",
    why="epoll's least; a client that is woken on our processor has its turn",
)
WORKERS_LOOK_SECONDS = limit(
    0.05,
    "seconds between two looks whether the first worker has read lists and policy zones",
    why="our choice: at the start alone, and a hundredth of what reading takes",
)
WORKER_SILENCE_SECONDS = limit(
    1.5,
    "seconds without one after which a worker that does nothing is replaced",
    why="its clients wait that long, and ask again after 2.5 or 5 s (musl, glibc); the loop is "
    "never blocked for 0.1 s",
)
WORKER_SPIN_SECONDS = limit(
    3.0,
    "seconds of CPU that a silent worker may take until it is replaced",
    why="its loop goes round all the time where it works; what it only waits for the CPU is not "
    "counted",
)
WORKER_BUSY_SECONDS = limit(
    30.0,
    "the same for one that waits for the CPU or the disk, or is still starting",
    why="a machine that swaps is slow, and a new worker would make it slower",
)
WORKER_STOP_SECONDS = limit(
    3.0,
    "seconds for workers to end when they are told to",
    why="DRAIN_SECONDS and half as much again; systemd's TimeoutStopSec=5 in the unit",
)
WORKER_RESTART_SECONDS = limit(
    1.0, "seconds between two starts of a worker that dies each time", why="our choice"
)
PROCESSOR_FULL_PART = limit(
    0.7,
    "part of a processor in a process' busiest minute from which `check` advises more of them",
    why="our choice: what comes in a burst waits from there on",
)
CHECK_ASK_SECONDS = limit(
    2.0, "seconds for which `check` waits for a daemon's word", why="somebody looks on"
)
IDLE_TASKS = limit(
    256, "idle tasks kept for the next query", why="a new one costs 2 µs more, and 3 KiB"
)
JOINED_TURN = limit(
    8,
    "who waited for one answer together, and go on at a turn of the event loop",
    why="our measurement: 0.1 ms each; a hundred at once were 20 ms for everybody else",
)
JOINED_TURN_OCTETS = limit(
    65_536,
    "octets that those of a turn are told, where they are more than one",
    why="one message of the largest size",
)
CHANCE_OCTETS = limit(
    4096, "random octets read ahead", why="our measurement: a call for each query costs 0.6 µs"
)
GARBAGE_SECONDS = limit(
    0.5, "seconds between two looks at how much garbage there may be", why="our choice"
)
GARBAGE_IDLE_SECONDS = limit(
    10.0,
    "seconds of the same while nothing is missed; less where new objects are many",
    why="our choice: a laptop's processor sleeps on; a look takes 0.15 ms",
)
GARBAGE_MISSES = limit(
    32,
    "cache misses between two such looks, or queries in flight, above which older objects wait for "
    "a pass",
    why="our choice: a pass is made where few notice",
)
GARBAGE_YOUNG_OBJECTS = limit(
    5000,
    "new objects, less those freed, after which the young are looked through, to begin with",
    why="our measurement: 0.4 ms with 100 misses under way, 5 to 10 with 10,000",
)
GARBAGE_PASS_US = limit(
    1500,
    "microseconds of CPU that such a pass is to take; below half of that the next comes later, "
    "above it sooner",
    why="our choice: hits wait meanwhile",
)
GARBAGE_YOUNG_LEAST = limit(
    400,
    "new objects to the next pass at least",
    why="our measurement: 1 ms and less where all is cold; 3 to 5 with 1,250",
)
GARBAGE_YOUNG_MOST = limit(
    10_000,
    "new objects to the next pass at most",
    why="our measurement: 1 % of a miss, where 5,000 are 3; 10 ms once where all is alive",
)
GARBAGE_YOUNG_LOOKS = limit(
    5,
    "looks at the young in GARBAGE_SECONDS, where the collector's count stands still",
    why="our choice: ten times a second",
)
GARBAGE_YOUNG_PASSES = limit(
    1, "such passes after which their survivors are too", why="our measurement: 1 to 2 ms"
)
GARBAGE_OBJECT_US = limit(
    0.2,
    "microseconds that a pass takes for each object",
    why="our measurement, 0.1 to 0.3: how many may have grown older, without counting them",
)
GARBAGE_OLD_OBJECTS = limit(
    6000,
    "older objects above which they are set aside; half of it after a pass over them",
    why="our measurement: a pass over 6,000 takes 1 to 2 ms",
)
GARBAGE_ASIDE_OBJECTS = limit(
    200_000,
    "objects set aside, or a quarter of all, after which an idle moment has a full pass",
    why="our measurement: 60 ms; CPython's own rule is the quarter",
)
GARBAGE_ASIDE_FORCED = limit(4, "times as many after which any moment has it", why="about 100 MB")
GARBAGE_COUNT_SECONDS = limit(
    15.0,
    "seconds without an idle moment after which it is counted how much of it is still there",
    why="our measurement: 60 ms where 10,000 misses wait; once in so long is one hit in 250",
)
SHORTAGE_LOG_SECONDS = limit(
    60.0, "seconds between two warnings that memory has run out", why="our choice"
)
TICK_SECONDS = limit(
    60.0,
    "seconds between two looks at what is due now and then: cookies' time stamp, CLOCK_FLOOR, how "
    "much of a processor was taken",
    why="a tenth of COOKIE_SECONDS",
)
STATE_OCTETS = limit(
    1 << 20, "octets read of a file of state", why="a few hundred is what they have"
)
DRAIN_SECONDS = limit(
    2.0,
    "seconds for queries in flight at shutdown, none if there are none",
    why="a client that is told nothing asks again after 5 s (glibc), 2.5 s (musl)",
)
CLOCK_LOOK_SECONDS = limit(
    10.0, "seconds between two looks at the kernel's clock state", why="one system call"
)
CLOCK_AGREES_SECONDS = limit(
    2.0,
    "seconds by which the kernel's time and the program's may differ",
    why="they are read one after the other",
)
CLOCK_FLAG_SECONDS = limit(
    7200.0,
    "seconds for which systemd-timesyncd's last setting of the clock counts",
    why="it asks every 2,048 s at least; three of them may be lost",
)
GARBAGE_GROWTH_PART = limit(
    4, "a full pass when this part of all objects is new", why="CPython's rule: a quarter"
)
CONFIG_BROKEN_LINES = limit(
    20,
    "lines of the configuration file that are no TOML and told in one run",
    why="each has the file parsed once more; who has more of them has another kind of file",
)
CONFIG_OCTETS = limit(
    4_194_304,
    "octets of the configuration file",
    why="a hundred thousand lines; a device in its place would never end",
)
HOLDER_DESCRIPTORS = limit(
    200_000,
    "open files of others that are looked at to name the program that has a port",
    why="a second of work; a busy machine has some ten thousand",
)
THREAD_TURN_SECONDS = limit(
    0.0005,
    "seconds that a thread computes while the event loop waits for its turn",
    why="our measurement: Python's 0.005, for each system call of the loop, is 20 ms for a reload",
)
