"""The randomness of a simulated machine is a function of its seed and of how much has been drawn."""

from fakekernel.machine import Machine
from kernelapi.ids import Fd
from kernelapi.kernel import Kernel


def draw(kernel: Kernel, counts: tuple[int, ...], output: Fd) -> None:
    for count in counts:
        kernel.write(output, kernel.getrandom(count))


def drawn(seed: int, *counts: int) -> bytes:
    machine = Machine(seed=seed)
    _, output = machine.spawn_captured(draw, counts)
    machine.run()
    machine.close()
    return machine.captured(output)


def test_the_same_seed_draws_the_same_bytes() -> None:
    assert drawn(7, 100) == drawn(7, 100)
    assert drawn(7, 100) != drawn(8, 100)


def test_it_does_not_matter_in_which_pieces_they_are_drawn() -> None:
    whole = drawn(1, 300)
    assert len(whole) == 300
    for pieces in ((1,) * 300, (63, 1, 64, 65, 107), (128, 172)):
        assert drawn(1, *pieces) == whole


def test_no_block_comes_again() -> None:
    whole = drawn(2, 64 * 50)
    assert len({whole[i : i + 64] for i in range(0, len(whole), 64)}) == 50
