"""Random numbers that are functions of what they are for."""

import numpy as np
import pytest

from data import randomness

#: Of Random123's kat_vectors, philox4x32 of 10 rounds: counter, key, words.
KNOWN = [
    ((0, 0, 0, 0), 0, "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ((0xFFFFFFFF,) * 4, 0xFFFFFFFFFFFFFFFF, "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        0x299F31D0A4093822,
        "d16cfe09 94fdcceb 5001e420 24126ea1",
    ),
]
BLOCKS = np.array([0, 1, 1 << 16])


def uniforms(samples, seed=0, epoch=0, blocks=BLOCKS):
    return randomness.uniforms(seed, epoch, np.asarray(samples), np.asarray(blocks))


@pytest.mark.parametrize(("counter", "key", "words"), KNOWN)
def test_words_are_those_that_are_known(counter, key, words):
    assert " ".join(f"{word:08x}" for word in randomness.philox(counter, key)) == words


def test_counters_may_come_in_any_shape():
    counters = np.array([counter for counter, _, _ in KNOWN]).T
    found = randomness.philox(np.stack([counters, counters], -1), 0)
    assert found.shape == (4, 3, 2)
    for i, (counter, _, _) in enumerate(KNOWN):
        np.testing.assert_array_equal(found[:, i, 0], randomness.philox(counter, 0))
        np.testing.assert_array_equal(found[:, i, 1], found[:, i, 0])


def test_counters_are_not_written_to():
    counters = np.ones((4, 2), np.uint64)
    randomness.philox(counters, 0)
    assert (counters == 1).all()


def test_a_sample_draws_the_same_whatever_the_others():
    many = uniforms(range(100))
    assert many.shape == (4 * len(BLOCKS), 100)
    np.testing.assert_array_equal(uniforms([42])[:, 0], many[:, 42])
    np.testing.assert_array_equal(uniforms([7, 99, 7]), many[:, [7, 99, 7]])


def test_a_block_is_the_same_whatever_the_others():
    np.testing.assert_array_equal(uniforms(range(5), blocks=[1])[:4], uniforms(range(5))[4:8])


def test_all_that_samples_differ_by_counts():
    same = uniforms([1, 2])
    others = [
        uniforms([1, 2], seed=1),
        uniforms([1, 2], seed=1 << 32),
        uniforms([1, 2], epoch=1),
        uniforms([3, 4]),
        uniforms([1 + (1 << 32), 2 + (1 << 32)]),
        uniforms([1, 2], blocks=BLOCKS + 2),
    ]
    for i, one in enumerate(others):
        assert all((one != other).all() for other in [same, *others[:i]])


def test_numbers_lie_evenly_between_0_and_1():
    drawn = uniforms(range(20000))
    assert drawn.min() > 0
    assert drawn.max() < 1
    # Each count of 12 000 in 20 bins has a deviation of 107; the chance that one of 20 is five of them off is 1e-5.
    counts = np.histogram(drawn, 20, (0, 1))[0]
    assert np.abs(counts - 12000).max() < 5 * 107
    correlation = np.corrcoef(drawn) - np.eye(len(drawn))
    assert np.abs(correlation).max() < 5 / np.sqrt(20000)


@pytest.mark.parametrize("count", [0, 1, 2, 1000])
def test_an_order_is_a_permutation(count):
    np.testing.assert_array_equal(np.sort(randomness.order(3, 5, count)), np.arange(count))


def test_orders_differ_by_seed_and_epoch_and_are_repeated():
    orders = [randomness.order(seed, epoch, 100) for seed, epoch in [(0, 0), (1, 0), (0, 1), (1, 1)]]
    for i, one in enumerate(orders):
        assert all((one != other).any() for other in orders[:i])
    np.testing.assert_array_equal(randomness.order(1, 1, 100), orders[-1])


def test_each_sample_comes_anywhere_in_an_order():
    places = np.array([randomness.order(0, epoch, 10).argsort() for epoch in range(2000)])
    counts = np.array([np.bincount(places[:, sample], minlength=10) for sample in range(10)])
    assert np.abs(counts - 200).max() < 5 * np.sqrt(200)


@pytest.mark.parametrize("seed", [-1, 1 << 64])
def test_seeds_beyond_64_bits_are_refused(seed):
    with pytest.raises(ValueError, match=r"seed must be from 0 to 2\*\*64 - 1, not"):
        uniforms([0], seed=seed)


@pytest.mark.parametrize("epoch", [-1, 1 << 32])
def test_epochs_beyond_32_bits_are_refused(epoch):
    with pytest.raises(ValueError, match=r"epoch must be from 0 to 2\*\*32 - 1, not"):
        uniforms([0], epoch=epoch)
