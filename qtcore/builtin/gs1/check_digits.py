"""The checks that GS1 keys carry in themselves: digit, pair of signs, IBAN.

It must not know which identifier carries which.
"""

from typing import Final

SIGNS_82: Final = (
    "!\"%&'()*+,-./0123456789:;<=>?ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"
)
_PAIR_SIGNS: Final = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
_PRIMES: Final = (
    2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89,
)  # fmt: skip
_PAIR_MODULUS: Final = 1021


def check_digit(digits: str) -> str:
    """Compute the GS1 check digit that follows these digits."""
    total = 3 * sum(map(int, digits[-1::-2])) + sum(map(int, digits[-2::-2]))
    return str(-total % 10)


def has_check_digit(digits: str) -> bool:
    """Say whether the last digit is the check digit of the others."""
    return digits.isascii() and digits.isdigit() and check_digit(digits[:-1]) == digits[-1]


def check_pair(text: str) -> str:
    """Compute the pair of check signs of a Global Model Number; its signs are of the set of 82."""
    known = zip(reversed(text), _PRIMES, strict=False)
    total = sum(SIGNS_82.index(sign) * prime for sign, prime in known) % _PAIR_MODULUS
    return _PAIR_SIGNS[total >> 5] + _PAIR_SIGNS[total & 31]


def has_iban_check(iban: str) -> bool:
    """Say whether an account number of capital letters and digits passes modulo 97."""
    turned = iban[4:] + iban[:4]
    return int("".join(str(int(sign, 36)) for sign in turned)) % 97 == 1
