// Days of the calendar, moments in UTC and durations, counted in whole days or microseconds as
// Python counts them; outside of the years 1 to 9999 there is no value.
const DAY = 86400000000n;
const LAST_DAY = 3652059;
const MOST_DAYS = 999999999n;
const DATE = /^(\d{4})-(\d{2})-(\d{2})$/;
const TIME =
  /^(\d{4}-\d{2}-\d{2})T(\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,6}))?(?:Z|([+-])([01]\d|2[0-3]):([0-5]\d))$/;
const SPAN =
  /^(-)?P(?:(\d{1,9})D)?(?:T(?:(\d{1,9})H)?(?:(\d{1,9})M)?(?:(\d{1,12})(?:\.(\d{1,6}))?S)?)?$/;

const outOfRange = () => new RangeError("out of range");

export class Day {
  constructor(count) {
    this.count = count; // 0001-01-01 is day 1
  }
}
export class Time {
  constructor(count) {
    this.count = count; // microseconds since the start of day 0, in UTC
  }
}
export class Span {
  constructor(count) {
    this.count = count;
  }

  abs() {
    return this.count < 0n ? makeSpan(-this.count) : this;
  }
}

const isLeap = (year) => year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
const MONTHS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
const monthDays = (year, month) => MONTHS[month - 1] + (month === 2 && isLeap(year) ? 1 : 0);
const daysBefore = (year) => {
  const past = year - 1;
  return past * 365 + Math.floor(past / 4) - Math.floor(past / 100) + Math.floor(past / 400);
};

export function readDay(text) {
  const found = DATE.exec(text);
  if (!found) return null;
  const [year, month, day] = found.slice(1).map(Number);
  if (year < 1 || month < 1 || month > 12 || day < 1 || day > monthDays(year, month)) return null;
  let count = daysBefore(year) + day;
  for (let each = 1; each < month; each += 1) count += monthDays(year, each);
  return new Day(count);
}

export function readTime(text) {
  const found = TIME.exec(text);
  const day = found && readDay(found[1]);
  if (!day) return null;
  const [hour, minute, second] = found.slice(2, 5).map(Number);
  if (hour > 23 || minute > 59 || second > 59) return null;
  const part = BigInt((found[5] ?? "").padEnd(6, "0"));
  const offset = (Number(found[7] ?? 0) * 60 + Number(found[8] ?? 0)) * (found[6] === "-" ? -1 : 1);
  const seconds = BigInt((hour * 60 + minute - offset) * 60 + second);
  const count = BigInt(day.count) * DAY + seconds * 1000000n + part;
  return isTime(count) ? new Time(count) : null;
}

const isTime = (count) => count >= DAY && count < BigInt(LAST_DAY + 1) * DAY;
const isSpan = (count) => count >= -MOST_DAYS * DAY && count < (MOST_DAYS + 1n) * DAY;

function makeSpan(count) {
  if (!isSpan(count)) throw outOfRange();
  return new Span(count);
}

export function readSpan(text) {
  const found = SPAN.exec(text);
  if (!found || text.endsWith("T") || /^-?PT?$/.test(text)) return null;
  const [days, hours, minutes, seconds] = found.slice(2, 6).map((each) => BigInt(each ?? 0));
  const part = BigInt((found[6] ?? "").padEnd(6, "0"));
  const whole = ((days * 24n + hours) * 60n + minutes) * 60n + seconds;
  const count = whole * 1000000n + part;
  // Python builds the length first and turns its sign afterwards.
  if (!isSpan(count)) return null;
  return isSpan(found[1] ? -count : count) ? new Span(found[1] ? -count : count) : null;
}

export function daysOf(text) {
  const count = BigInt(text);
  if (count < -MOST_DAYS || count > MOST_DAYS) throw outOfRange();
  return new Span(count * DAY);
}

const asTime = (value) => (value instanceof Day ? BigInt(value.count) * DAY : value.count);

export const passed = (start, end) => new Span(asTime(end) - asTime(start));

// Whole days, cut towards zero, as BigInt division does.
export const wholeDays = (span) => span.count / DAY;

export function move(op, left, right, NoValue) {
  if (left instanceof Span && !(right instanceof Span)) return move(op, right, left, NoValue);
  if (!(right instanceof Span)) return passed(right, left);
  const by = op === "+" ? right.count : -right.count;
  if (left instanceof Span) return makeSpan(left.count + by);
  if (left instanceof Time) {
    if (!isTime(left.count + by)) throw outOfRange();
    return new Time(left.count + by);
  }
  if (by % DAY !== 0n) throw new NoValue("a date can only move by whole days");
  const count = BigInt(left.count) + by / DAY;
  if (count < 1n || count > BigInt(LAST_DAY)) throw outOfRange();
  return new Day(Number(count));
}

const two = (number) => String(number).padStart(2, "0");

function writeDay(count) {
  let year = Math.min(9999, Math.floor(count / 365.2425) + 1);
  while (daysBefore(year) >= count) year -= 1;
  while (year < 9999 && daysBefore(year + 1) < count) year += 1;
  let rest = count - daysBefore(year);
  let month = 1;
  for (; rest > monthDays(year, month); month += 1) rest -= monthDays(year, month);
  return `${String(year).padStart(4, "0")}-${two(month)}-${two(rest)}`;
}

function writeSpan(count) {
  const whole = count < 0n ? -count : count;
  const days = whole / DAY;
  const rest = whole % DAY;
  const seconds = rest / 1000000n;
  const part = rest % 1000000n;
  const shown = part ? `${seconds}.${String(part).padStart(6, "0")}` : `${seconds}`;
  const tail = rest ? `T${shown}S` : "";
  return `${count < 0n ? "-" : ""}P${days || !tail ? `${days}D` : ""}${tail}`;
}

export function writeTemporal(value) {
  if (value instanceof Day) return writeDay(value.count);
  if (value instanceof Span) return writeSpan(value.count);
  const day = value.count / DAY;
  const rest = value.count % DAY;
  const seconds = Number(rest / 1000000n);
  const part = rest % 1000000n;
  const clock = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const tail = part ? `.${String(part).padStart(6, "0")}` : "";
  return `${writeDay(Number(day))}T${clock.map(two).join(":")}${tail}Z`;
}
