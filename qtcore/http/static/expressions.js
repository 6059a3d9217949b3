// Evaluates the compiled form of an expression: the same answers as qtcore/engines/expressions, to
// the last digit. It must not know what an expression is for, and never parses its text.
//
//   evaluate({tree, kind, facts}, {name: value}, {rule: true}) -> {value, unknown, reasons}
//
// Values travel as JSON: numbers as text, days and times in ISO 8601, durations as P3DT4.5S,
// a quantity as {amount, unit}. value === null means unknown, and unknown never passes.
import { Num, add, compareNums, divide, multiply, negate, readNum, roundHalfUp, subtract, writeNum }
  from "./numbers.js";
import { Day, Span, Time, move, passed, readDay, readSpan, readTime, writeTemporal, wholeDays, daysOf }
  from "./times.js";

const MOST_STEPS = 50000;
const MOST_EXACT = Number.MAX_SAFE_INTEGER;
const own = (table, name) => (table && Object.hasOwn(table, name) ? table[name] : undefined);

class Unknown {
  constructor(names, reasons) {
    this.names = names;
    this.reasons = reasons;
  }
}
class OutOfSteps extends Error {}
export class OutOfRange extends Error {}
class NoValue extends Error {}

const unique = (items) => [...new Set(items)];
const merge = (all) =>
  new Unknown(unique(all.flatMap((u) => u.names)), unique(all.flatMap((u) => u.reasons)));

// ---------------------------------------------------------------- what a fact holds

function number(raw) {
  if (typeof raw === "number") {
    return Number.isSafeInteger(raw) && Math.abs(raw) <= MOST_EXACT ? readNum(String(raw)) : null;
  }
  return typeof raw === "string" ? readNum(raw) : null;
}

function converted(raw, unit) {
  if (!unit || typeof raw.unit !== "string" || typeof raw.amount !== "string") return null;
  const amount = readNum(raw.amount);
  if (amount === null || raw.unit === unit.code) return amount;
  const factor = own(unit.spellings, raw.unit);
  if (factor === undefined) return null;
  const from = readNum(factor);
  const to = readNum(unit.factor);
  if (compareNums(from, to) === 0) return amount;
  try {
    return divide(multiply(amount, from), to).usable();
  } catch {
    return null;
  }
}

const isQuantity = (raw) =>
  raw !== null && typeof raw === "object" && !Array.isArray(raw) &&
  typeof raw.unit === "string" && typeof raw.amount === "string" && /^-?\d{1,1100}(\.\d{1,1100})?$/.test(raw.amount);

function text(raw, wanted) {
  if (typeof raw !== "string") return null;
  return !wanted.values || wanted.values.includes(raw) ? raw : null;
}

function listOf(raw, member) {
  if (!Array.isArray(raw)) return null;
  const found = raw.map(member);
  return found.includes(null) ? null : found;
}

function decimal(raw, wanted) {
  return isQuantity(raw) ? converted(raw, wanted.unit) : number(raw);
}

const READERS = {
  boolean: (raw) => (typeof raw === "boolean" ? raw : null),
  decimal,
  integer: (raw, wanted) => {
    const found = decimal(raw, wanted);
    return found !== null && found.isWhole() ? found : null;
  },
  text,
  date: (raw) => (typeof raw === "string" ? readDay(raw) : null),
  datetime: (raw) => (typeof raw === "string" ? readTime(raw) : null),
  duration: (raw) => (typeof raw === "string" ? readSpan(raw) : null),
  text_list: (raw, wanted) => listOf(raw, (item) => text(item, wanted)),
  decimal_list: (raw) => listOf(raw, (item) => number(item)),
};

function label(wanted) {
  const words = wanted.kind.replace("_list", " list");
  return wanted.unit ? `${words} in ${wanted.unit.code}` : words;
}

function fault(raw, wanted) {
  if (wanted.unit && isQuantity(raw) && raw.unit !== wanted.unit.code &&
      own(wanted.unit.spellings, raw.unit) === undefined) {
    return `is in ${raw.unit}; no declared factor leads to ${wanted.unit.code}`;
  }
  return `holds no usable ${label(wanted)}`;
}

// ---------------------------------------------------------------- comparing and calculating

const keyOf = (value) => (value instanceof Num ? `#${writeNum(value)}` : `'${value}`);

function order(left, right) {
  if (left instanceof Num) return compareNums(left, right);
  const [a, b] = [left.count, right.count];
  return a < b ? -1 : a > b ? 1 : 0;
}

function isEqual(left, right) {
  if (Array.isArray(left)) {
    const [a, b] = [new Set(left.map(keyOf)), new Set(right.map(keyOf))];
    return a.size === b.size && [...a].every((key) => b.has(key));
  }
  return typeof left === "object" ? order(left, right) === 0 : left === right;
}

const isMember = (item, list) => list.some((member) => keyOf(member) === keyOf(item));

const COMPARE = {
  "==": isEqual,
  "!=": (a, b) => !isEqual(a, b),
  "<": (a, b) => order(a, b) < 0,
  "<=": (a, b) => order(a, b) <= 0,
  ">": (a, b) => order(a, b) > 0,
  ">=": (a, b) => order(a, b) >= 0,
  in: isMember,
  "not in": (a, b) => !isMember(a, b),
};

const NUMBERS = { "+": add, "-": subtract, "*": multiply, "/": divide };

function calculate(op, left, right) {
  if (left instanceof Num) return NUMBERS[op](left, right);
  if (Array.isArray(left)) {
    const gone = new Set(right.map(keyOf));
    return left.filter((item) => !gone.has(keyOf(item)));
  }
  return move(op, left, right, NoValue);
}

function candidates(args) {
  const found = args.length === 1 ? args[0] : args;
  if (found.length === 0) throw new NoValue("the list is empty");
  return found;
}

const FUNCTIONS = {
  len: ([of]) => readNum(String(Array.isArray(of) ? of.length : [...of].length)),
  sum: ([list]) => list.reduce(add, readNum("0")),
  min: (args) => candidates(args).reduce((a, b) => (order(b, a) < 0 ? b : a)),
  max: (args) => candidates(args).reduce((a, b) => (order(b, a) > 0 ? b : a)),
  abs: ([value]) => value.abs(),
  round_half_up: ([value, places]) => {
    const count = Number(writeNum(places));
    if (!(count >= 0 && count <= 20)) throw new NoValue("places must be 0 to 20");
    return roundHalfUp(value, count);
  },
  days_between: ([start, end]) => readNum(String(wholeDays(passed(start, end)))),
  days: ([count]) => daysOf(writeNum(count)),
};

// ---------------------------------------------------------------- following the tree

class Evaluator {
  constructor(types, facts, rules) {
    this.types = types;
    this.facts = facts;
    this.rules = rules;
    this.left = MOST_STEPS;
  }

  spend(steps) {
    this.left -= steps;
    if (this.left < 0) throw new OutOfSteps();
  }

  outcome(node) {
    this.spend(1);
    if (!Array.isArray(node)) return this.literal(node);
    const [op, ...args] = node;
    if (op === "fact") return this.fact(args[0]);
    if (op === "rule") return this.rule(args[0]);
    if (op === "present" || op === "missing") return this.presence(op, args[0][1]);
    if (op === "and" || op === "or") return this.joined(op, args);
    if (op === "not") {
      const inner = this.outcome(args[0]);
      return inner instanceof Unknown ? inner : !inner;
    }
    return op === "chain" ? this.calculated(op, args.slice(1), args[0]) : this.calculated(op, args);
  }

  literal(node) {
    if ("dec" in node) return readNum(node.dec);
    if ("text" in node) return node.text;
    if ("bool" in node) return node.bool;
    if ("date" in node) return readDay(node.date);
    return node.list.map((member) => ("dec" in member ? readNum(member.dec) : member.text));
  }

  fact(name) {
    const raw = own(this.facts, name);
    if (raw === undefined || raw === null) return new Unknown([name], [`${name} has no value`]);
    if (Array.isArray(raw)) this.spend(raw.length);
    const wanted = this.types[name];
    const value = READERS[wanted.kind](raw, wanted);
    return value === null ? new Unknown([name], [`${name} ${fault(raw, wanted)}`]) : value;
  }

  rule(name) {
    const found = own(this.rules, name);
    if (typeof found === "boolean") return found;
    return new Unknown([name], [`rule ${name} has no outcome`]);
  }

  presence(op, name) {
    const raw = own(this.facts, name);
    if (raw === undefined || raw === null) return op === "missing";
    const found = this.fact(name);
    return found instanceof Unknown ? found : op === "present";
  }

  joined(op, args) {
    const deciding = op === "or";
    const found = args.map((arg) => this.outcome(arg));
    if (found.includes(deciding)) return deciding;
    const unknown = found.filter((each) => each instanceof Unknown);
    return unknown.length ? merge(unknown) : !deciding;
  }

  calculated(op, args, signs) {
    const found = args.map((arg) => this.outcome(arg));
    const unknown = found.filter((each) => each instanceof Unknown);
    if (unknown.length) return merge(unknown);
    try {
      return this.apply(op, found, signs);
    } catch (error) {
      if (error instanceof NoValue) return new Unknown([], [`no value for '${op}': ${error.message}`]);
      if (!(error instanceof RangeError)) throw error;
      if (error.message === "division by zero") return new Unknown([], [error.message]);
      return new Unknown([], [`no value for '${op}': the result is out of range`]);
    }
  }

  apply(op, values, signs) {
    if (op in NUMBERS) return calculate(op, values[0], values[1]);
    if (op === "chain") {
      return signs.every((sign, at) => COMPARE[sign](values[at], values[at + 1]));
    }
    if (op === "neg") return negate(values[0]);
    if (Object.hasOwn(FUNCTIONS, op)) return FUNCTIONS[op](values);
    return COMPARE[op](values[0], values[1]);
  }
}

export function write(value) {
  if (Array.isArray(value)) return value.map(write);
  if (value instanceof Num) return writeNum(value);
  if (value instanceof Day || value instanceof Time || value instanceof Span) {
    return writeTemporal(value);
  }
  return value;
}

export function evaluate(compiled, facts, rules = {}) {
  try {
    const found = new Evaluator(compiled.facts, facts, rules).outcome(compiled.tree);
    if (found instanceof Unknown) {
      return { value: null, unknown: found.names, reasons: found.reasons };
    }
    return { value: write(found), unknown: [], reasons: [] };
  } catch (error) {
    if (!(error instanceof OutOfSteps)) throw error;
    const said = `no answer within ${MOST_STEPS} steps; shorten the lists`;
    return { value: null, unknown: [], reasons: [said] };
  }
}
