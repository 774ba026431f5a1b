"""A thousand devices, a fifth of them dead; `make bench` does the same for 200 rounds."""

from pathlib import Path

from tests.many_devices import DEAD_EVERY, DEVICES, INTERVAL_S, watch


def test_of_a_thousand_devices_the_live_ones_are_polled_on_time_though_200_are_dead(
    tmp_path: Path,
) -> None:
    seen = watch(tmp_path, rounds=8)
    live = DEVICES - DEVICES // DEAD_EVERY
    assert (seen.polled, seen.failed) == (live, 0)
    assert len(seen.gaps_s) > 4 * live
    assert seen.gap_p99_s < INTERVAL_S + 1
