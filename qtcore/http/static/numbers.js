// Exact decimal numbers: a whole coefficient times a power of ten, fifty digits, half to even.
// The same arithmetic as Python's decimal with the bounds of qtcore/engines/expressions/kinds.py.
const DIGITS = 50;
const MOST = 999;
const TINY = -MOST - DIGITS + 1;
const TOP = MOST - DIGITS + 1;
const NUMBER = /^-?\d{1,1100}(\.\d{1,1100})?$/;

const powers = [1n];
function power(count) {
  while (powers.length <= count) powers.push(powers[powers.length - 1] * 10n);
  return powers[count];
}
const size = (whole) => (whole < 0n ? -whole : whole);
const lengthOf = (whole) => size(whole).toString().length;
const outOfRange = () => new RangeError("out of range");

export class Num {
  constructor(whole, exponent) {
    this.whole = whole;
    this.exponent = exponent;
  }

  adjusted() {
    return this.exponent + lengthOf(this.whole) - 1;
  }

  // Numbers from outside are bounded, so that no fact can make an evaluation slow.
  usable() {
    const fits = lengthOf(this.whole) <= DIGITS && Math.abs(this.adjusted()) <= MOST;
    return fits ? this : null;
  }

  isWhole() {
    if (this.adjusted() >= DIGITS) return false;
    return this.exponent >= 0 || this.whole % power(-this.exponent) === 0n;
  }

  abs() {
    return new Num(size(this.whole), this.exponent);
  }
}

export function readNum(text) {
  if (!NUMBER.test(text)) return null;
  const [head, tail = ""] = text.split(".");
  return new Num(BigInt(head + tail), -tail.length).usable();
}

export function writeNum(number) {
  const { whole, exponent } = number;
  if (whole === 0n) return "0";
  const sign = whole < 0n ? "-" : "";
  const digits = size(whole).toString();
  if (exponent >= 0) return sign + digits + "0".repeat(exponent);
  const padded = digits.padStart(1 - exponent, "0");
  const tail = padded.slice(exponent).replace(/0+$/, "");
  return sign + padded.slice(0, exponent) + (tail ? `.${tail}` : "");
}

// Cut `count` digits off, rounding the size half to even or half up.
function cut(whole, count, halfUp = false) {
  const by = power(count);
  const amount = size(whole);
  let kept = amount / by;
  const rest = (amount % by) * 2n;
  if (rest > by || (rest === by && (halfUp || kept % 2n === 1n))) kept += 1n;
  return whole < 0n ? -kept : kept;
}

function fit(whole, exponent) {
  if (whole === 0n) return new Num(0n, Math.min(Math.max(exponent, TINY), MOST));
  let lowest = lengthOf(whole) + exponent - DIGITS;
  if (lowest > TOP) throw outOfRange();
  const isTiny = lowest < TINY;
  if (isTiny) lowest = TINY;
  if (exponent >= lowest) return new Num(whole, exponent);
  const count = lowest - exponent;
  const isExact = count <= lengthOf(whole) && whole % power(count) === 0n;
  if (isTiny && !isExact) throw outOfRange();
  let kept = cut(whole, count);
  if (lengthOf(kept) > DIGITS) {
    kept /= 10n;
    lowest += 1;
  }
  if (lowest > TOP) throw outOfRange();
  return new Num(kept, lowest);
}

function aligned(left, right) {
  const exponent = Math.min(left.exponent, right.exponent);
  const bring = (number) => number.whole * power(number.exponent - exponent);
  return [bring(left), bring(right), exponent];
}

export function compareNums(left, right) {
  const [a, b] = aligned(left, right);
  return a < b ? -1 : a > b ? 1 : 0;
}

export function add(left, right) {
  const [a, b, exponent] = aligned(left, right);
  return fit(a + b, exponent);
}

export const negate = (number) => fit(-number.whole, number.exponent);

export const subtract = (left, right) => add(left, new Num(-right.whole, right.exponent));

export const multiply = (left, right) =>
  fit(left.whole * right.whole, left.exponent + right.exponent);

export function divide(left, right) {
  if (right.whole === 0n) throw new RangeError("division by zero");
  if (left.whole === 0n) return fit(0n, left.exponent - right.exponent);
  const shift = lengthOf(right.whole) - lengthOf(left.whole) + DIGITS + 1;
  const [top, bottom] = shift >= 0
    ? [size(left.whole) * power(shift), size(right.whole)]
    : [size(left.whole), size(right.whole) * power(-shift)];
  const ideal = left.exponent - right.exponent;
  let exponent = ideal - shift;
  let whole = top / bottom;
  if (top % bottom !== 0n) {
    if (whole % 5n === 0n) whole += 1n; // a sticky digit: the rest never looks like a half
  } else {
    for (; exponent < ideal && whole % 10n === 0n; exponent += 1) whole /= 10n;
  }
  return fit(left.whole < 0n === right.whole < 0n ? whole : -whole, exponent);
}

export function roundHalfUp(number, places) {
  if (number.whole === 0n) return new Num(0n, -places);
  if (number.adjusted() + places + 1 > DIGITS) throw outOfRange();
  const count = -places - number.exponent;
  const whole = count <= 0
    ? number.whole * power(-count)
    : count > lengthOf(number.whole) ? 0n : cut(number.whole, count, true);
  if (lengthOf(whole) > DIGITS) throw outOfRange();
  return fit(whole, -places);
}
